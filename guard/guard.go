// Package guard keeps a panic inside the work that caused it. A goroutine that handles foreign input and panics would end the
// process and with it every open association; under a guard it ends as an error of that one piece of work.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is a recovered panic.
type Panic struct {
	Value any
	Stack []byte
}

// Error names the value and, since nobody else will have it, the stack.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// Call returns what f returns, or a *Panic.
func Call(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return f()
}

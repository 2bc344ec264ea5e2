// Package guard keeps a panic inside the work that caused it. A goroutine that handles foreign input and panics would end the
// process and with it every open association; under a guard it ends as an error of that one piece of work.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is a recovered panic. Whoever ends the work logs the stack.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Call returns what f returns, or a *Panic.
func Call(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return f()
}

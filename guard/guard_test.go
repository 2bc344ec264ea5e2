package guard

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestCall(t *testing.T) {
	if err := Call(func() error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the function's own error", err)
	}
	var empty []int
	err := Call(func() error { return errors.New(string(rune(empty[3]))) })
	var p *Panic
	if !errors.As(err, &p) || !strings.Contains(err.Error(), "index out of range") || !strings.Contains(string(p.Stack), "guard_test.go") {
		t.Errorf("got %v, want the panic with its stack", err)
	}
}

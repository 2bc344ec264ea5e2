package store

import "errors"

// What a fault of a store can be, for errors.Is. One that is none of them does not pass by itself.
var (
	ErrNotFound  = errors.New("no such file in the store")
	ErrFull      = errors.New("the store is full")
	ErrTemporary = errors.New("the store cannot now") // the same later may work
	ErrName      = errors.New("not a name of the store")
)

// Error is a fault of a store, as against one of what a file holds.
type Error struct {
	Kind error // ErrNotFound, ErrFull, ErrTemporary or nil
	Err  error // what was being done to what, and why it failed
}

// Error implements error: the kind is for programs.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the kind and the cause.
func (e *Error) Unwrap() []error {
	if e.Kind == nil {
		return []error{e.Err}
	}
	return []error{e.Kind, e.Err}
}

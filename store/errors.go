package store

import (
	"errors"
	"io/fs"
	"syscall"
)

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
	Far  bool  // it is one of a service elsewhere, not of a disk of this machine
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

// FileFault makes an error of a file system one of a store; nil stays nil.
func FileFault(err error) error {
	if err == nil {
		return nil
	}
	kinds := []struct {
		kind   error
		causes []error
	}{
		{ErrNotFound, []error{fs.ErrNotExist, syscall.ENOTDIR}},
		{ErrFull, []error{syscall.ENOSPC, syscall.EDQUOT}},
		{ErrTemporary, []error{syscall.EMFILE, syscall.ENFILE, syscall.EAGAIN, syscall.EINTR, syscall.ENOMEM, syscall.ETIMEDOUT}},
	}
	for _, k := range kinds {
		for _, cause := range k.causes {
			if errors.Is(err, cause) {
				return &Error{Kind: k.kind, Err: err}
			}
		}
	}
	return &Error{Err: err}
}

package cluster

import (
	"context"
	"slices"
	"time"
)

// Alone is the life of a node that shares its ledger with nobody: it holds every lock at once, and all others are dead.
type Alone struct {
	id, name string
}

// NewAlone begins the life of such a node.
func NewAlone(id string) *Alone { return &Alone{id: id, name: newName(id)} }

// ID is the one it was given.
func (a *Alone) ID() string { return a.id }

// Incarnation is that of Member.
func (a *Alone) Incarnation() string { return a.name }

// Each is that of Member; there is one incarnation.
func (a *Alone) Each(ctx context.Context, run func(ctx context.Context, incarnation string) error) error {
	return run(ctx, a.name)
}

// Hold is that of Member; there is nobody to wait for.
func (a *Alone) Hold(ctx context.Context, _ string, run func(ctx context.Context) error) error {
	return run(ctx)
}

// Fenced is always nil.
func (a *Alone) Fenced() error { return nil }

// Dead gives all incarnations but this one.
func (a *Alone) Dead(_ context.Context, incarnations []string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(incarnations), func(name string) bool { return name == a.name }), nil
}

// Others gives none.
func (a *Alone) Others(context.Context, []string) ([]string, error) { return nil, nil }

// Now is time.Now: it compares with nobody.
func (a *Alone) Now() time.Time { return time.Now() }

// Ahead is 0.
func (a *Alone) Ahead() time.Duration { return 0 }

// Close does nothing.
func (a *Alone) Close() error { return nil }

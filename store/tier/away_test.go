package tier

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"jcsnode/store"
	"jcsnode/store/s3"
	"jcsnode/store/s3test"
)

// A store that must have files before anybody is answered is known to be away from the first that it does not take, and to be back though
// nobody sends: it is asked again until it takes one.
func TestRun_StoreAwayBeforeTheAnswer(t *testing.T) {
	server := s3test.Start(t)
	p := open(t, server.Endpoint(), "", t.TempDir(), func(o *Options) { o.Later, o.Meanwhile = nil, nil })
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); p.Run(ctx) }()
	defer func() { cancel(); <-over }()
	p.put(t, "in/s/1")
	if w := p.Waiting(); w.Away != "" {
		t.Fatalf("away before it is: %+v", w)
	}
	server.Kill(t)
	if err := store.Put(t.Context(), p.Store, "in/s/2", content(t)); !errors.Is(err, store.ErrTemporary) {
		t.Fatal(err)
	}
	w := p.Waiting()
	if w.Since.IsZero() || !strings.Contains(w.Away, "nobody listens there") {
		t.Errorf("%+v right after a file was not taken", w)
	}
	time.Sleep(2 * time.Second) // it is asked again, and nothing else goes up
	if now := p.Waiting(); now.Away == "" || !now.Since.Equal(w.Since) {
		t.Errorf("%+v while it is away", now)
	}
	server.Resume(t)
	await(t, func() bool { return p.Waiting().Away == "" })
	for name, err := range p.remote.List(t.Context(), "check") {
		t.Errorf("%s stays in the store, %v", name, err)
	}
}

// A store that takes every word and answers none is given up after one timeout, not after that of each attempt, and is known to be away
// even if the sender has gone before.
func TestRun_StoreStandsStill(t *testing.T) {
	server := s3test.Start(t)
	p := open(t, server.Endpoint(), "", t.TempDir(), func(o *Options) { o.Later, o.Meanwhile = nil, nil })
	remote, err := s3.Open(s3.Options{Endpoint: server.Endpoint(), Bucket: s3test.Bucket, Spool: t.TempDir(), Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.remote.Close(); err != nil {
		t.Fatal(err)
	}
	p.Store.remote = remote
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); p.Run(ctx) }()
	defer func() { cancel(); <-over }()
	server.Freeze(t)
	defer server.Thaw(t)
	leaving, leave := context.WithTimeout(t.Context(), time.Second)
	defer leave()
	if err := store.Put(leaving, p.Store, "in/s/1", content(t)); err == nil {
		t.Error("taken by one that stands still")
	}
	if w := p.Waiting(); w.Away != "" {
		t.Errorf("%+v, since a sender has gone", w)
	}
	await(t, func() bool { return p.Waiting().Away != "" })
	began := time.Now()
	err = store.Put(t.Context(), p.Store, "in/s/2", content(t))
	if took := time.Since(began); !errors.Is(err, store.ErrTemporary) || took < 2*time.Second || took > 5*time.Second {
		t.Errorf("%v after %v; three attempts of 2 s each are too many", err, took)
	}
}

// What keeps a file here that is not the store's fault, as a ledger that is away, is not said of the store, and keeps no door shut.
func TestRun_OddHere(t *testing.T) {
	server := s3test.Start(t)
	var asked atomic.Int32
	p := open(t, server.Endpoint(), "", t.TempDir(), func(o *Options) {
		o.Recorded = func(context.Context, string) (bool, error) {
			asked.Add(1)
			return false, errors.New("the ledger is away")
		}
	})
	p.put(t, "in/s/1")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() { defer close(over); p.Run(ctx) }()
	defer func() { cancel(); <-over }()
	await(t, func() bool { return asked.Load() > 1 })
	if w := p.Waiting(); w.Away != "" || w.Files != 1 {
		t.Errorf("%+v, with a store that takes everything", w)
	}
}

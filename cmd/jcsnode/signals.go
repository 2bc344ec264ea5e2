package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal ends when the program is asked to end: by SIGTERM, SIGINT or SIGHUP. A second SIGTERM or SIGINT ends the program at
// once. A second SIGHUP does nothing: a session that ends sends it from the shell and from the terminal.
func untilSignal() context.Context {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP)
		stop()
	})
	return ctx
}

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal ends when the program is asked to end, by SIGTERM or SIGINT. A second one ends the program at once.
func untilSignal() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, func() {
		signal.Ignore(syscall.SIGHUP) // a session that ends as well must not cut anybody off
		stop()
	})
	return ctx
}

// untilHangUp ends at the end of the session, too: by SIGHUP, unless that is ignored, as under nohup. A second SIGHUP does nothing: a
// session that ends sends it from the shell and from the terminal.
func untilHangUp(ctx context.Context) context.Context {
	if signal.Ignored(syscall.SIGHUP) {
		return ctx
	}
	hungUp, _ := signal.NotifyContext(ctx, syscall.SIGHUP)
	context.AfterFunc(hungUp, func() { signal.Ignore(syscall.SIGHUP) })
	return hungUp
}

// atTerminal says whether the program was started in the session of a terminal, be its input and output elsewhere: SIGHUP is then how the
// end of that session is told. A service has none.
func atTerminal() bool {
	terminal, err := os.OpenFile("/dev/tty", os.O_RDONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	terminal.Close()
	return true
}

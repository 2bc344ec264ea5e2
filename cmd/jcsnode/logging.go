package main

import (
	"context"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"jcsnode/config"
)

// newLogger writes to standard error: text on a terminal, JSON otherwise, unless the configuration says which.
func newLogger(c config.Log) *slog.Logger {
	log, _ := newLogging(c)
	return log
}

// logging is what a logger and all that were made from it do now.
type logging struct {
	level slog.LevelVar
	json  atomic.Bool
}

// newLogging is newLogger, and how to change it.
func newLogging(c config.Log) (*slog.Logger, *logging) {
	now := &logging{}
	now.take(c)
	opt := &slog.HandlerOptions{Level: &now.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration { // JSON would print nanoseconds
			a.Value = slog.StringValue(a.Value.Duration().Round(time.Millisecond).String())
		}
		return a
	}}
	return slog.New(&logHandler{now, slog.NewTextHandler(os.Stderr, opt), slog.NewJSONHandler(os.Stderr, opt)}), now
}

// take takes level and format of the configuration.
func (l *logging) take(c config.Log) {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		level = slog.LevelInfo // the configuration was checked, or its mistakes are about to be told
	}
	l.level.Set(level)
	l.json.Store(inJSON(c))
}

// inJSON says whether the log is JSON.
func inJSON(c config.Log) bool {
	return c.Format == "json" || c.Format == "auto" && !term.IsTerminal(int(os.Stderr.Fd()))
}

// logHandler writes in the format of the moment: loggers that were made with attributes long ago change, too.
type logHandler struct {
	now        *logging
	text, json slog.Handler
}

func (h *logHandler) current() slog.Handler {
	if h.now.json.Load() {
		return h.json
	}
	return h.text
}

// Enabled implements slog.Handler.
func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.now.level.Level()
}

// Handle implements slog.Handler.
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	return h.current().Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *logHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return &logHandler{h.now, h.text.WithAttrs(a), h.json.WithAttrs(a)}
}

// WithGroup implements slog.Handler.
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.now, h.text.WithGroup(name), h.json.WithGroup(name)}
}

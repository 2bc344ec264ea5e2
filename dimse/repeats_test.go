package dimse

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

// Twenty rejections of one scanner are a warning now and one with the number of the others;
// another scanner, or another reason, has its own.
func TestServer_RepeatedRejections(t *testing.T) {
	log := &syncBuffer{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Logger: slog.New(slog.NewTextHandler(log, nil)), Admit: func(p Requestor) error {
		return &Rejection{Result: 1, Source: 1, Reason: 3, Detail: p.CallingAETitle + " is not known"}
	}}
	s.rejections.period = 300 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	for _, title := range []string{"CT1", "CT2"} {
		d := Dialer{CallingAETitle: title}
		for range 20 {
			echo := []PresentationContext{{AbstractSyntax: Verification, TransferSyntaxes: []string{"1.2.840.10008.1.2"}}}
			if _, err := d.Dial(t.Context(), l.Addr().String(), "NODE", echo); err == nil {
				t.Fatal("let in")
			}
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for strings.Count(log.String(), "more=19") < 2 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	<-done
	if strings.Count(log.String(), "WARN") != 4 || strings.Count(log.String(), "more=19") != 2 ||
		strings.Count(log.String(), "CT1 is not known") != 2 {
		t.Errorf("the log says\n%s", log.String())
	}
}

// What was counted is told when the server stops.
func TestRepeats_Flush(t *testing.T) {
	var r repeats
	told := 0
	for i := range 5 {
		if got := r.first("key", func(more int) { told += more }); got != (i == 0) {
			t.Errorf("happening %d: first %v", i, got)
		}
	}
	r.flush()
	if told != 4 || !r.first("key", func(int) {}) {
		t.Errorf("%d told, want 4, and then a first one", told)
	}
	r.flush()
}

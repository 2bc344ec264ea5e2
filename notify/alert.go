package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"jcsnode/ledger"
)

// Codes of the reasons of notices about the node itself.
const (
	CodeSilent       = "silent"
	CodeDiskShort    = "disk-short"
	CodeDiskFull     = "disk-full"
	CodeDiskReadOnly = "disk-read-only"
)

// Room is the free space of the node, and the part of it that reception leaves alone, in bytes. ReadOnly: nothing can be written at all.
type Room struct {
	Free, Reserve int64
	ReadOnly      bool
}

// silences finds the peers that have been silent for too long by now. A peer that never sent is none: nobody knows whether it is to send.
// The time during which the node did not run is not the peer's.
func silences(after map[string]time.Duration, senders map[string]ledger.PeerSeen, started, now time.Time) []ledger.PeerSeen {
	var silent []ledger.PeerSeen
	for peer, longest := range after {
		p, sent := senders[peer]
		if !sent || longest <= 0 {
			continue
		}
		heard := p.InstanceAt
		if started.After(heard) {
			heard = started
		}
		if now.Sub(heard) >= longest {
			silent = append(silent, p)
		}
	}
	return silent
}

// shortage says what is wrong with the room, a zero reason for nothing. A shortage that was told ends with a tenth more room than began
// it: free space goes up and down around any bound.
func shortage(r Room, told bool) ledger.Reason {
	bound := 2 * r.Reserve
	if told {
		bound += bound / 10
	}
	const remedy = "make room on the disk of data_dir (of store.path, if that is set), or let the node do so (keep.days)"
	switch {
	case r.ReadOnly:
		return ledger.Reason{Code: CodeDiskReadOnly, Text: "the disk is read only: instances are refused",
			Remedy: "look for faults of the disk in the log of the kernel (dmesg), and mount it for writing"}
	case r.Reserve <= 0 || r.Free >= bound:
		return ledger.Reason{}
	case r.Free <= r.Reserve:
		return ledger.Reason{Code: CodeDiskFull, Remedy: remedy,
			Text: fmt.Sprintf("%s are free, the reserve is %s: instances are refused", megabytes(r.Free), megabytes(r.Reserve))}
	}
	return ledger.Reason{Code: CodeDiskShort, Remedy: remedy,
		Text: fmt.Sprintf("%s are free; at %s, the reserve, instances are refused", megabytes(r.Free), megabytes(r.Reserve))}
}

func megabytes(n int64) string { return fmt.Sprintf("%d MB", n>>20) }

// lookSilent tells of peers from which nothing has come for too long.
func (w *Watch) lookSilent(ctx context.Context) ([]ledger.Notice, error) {
	after := w.SilentAfter()
	if len(after) == 0 {
		return nil, nil
	}
	senders, err := w.Ledger.Senders(ctx)
	if err != nil {
		return nil, err
	}
	now := w.Now()
	var fresh []ledger.Notice
	var errs []error
	for _, p := range silences(after, senders, w.Started, now) {
		n, err := w.Ledger.NoteSilent(ctx, p.CallingAE, p.InstanceAt, ledger.Reason{
			Code:   CodeSilent,
			Text:   silence(p, now),
			Remedy: "look whether it is at work, and whether it reaches this node (its log, `jcsnode status` for what was refused)",
		})
		errs = append(errs, err)
		if n != nil {
			fresh = append(fresh, *n)
		}
	}
	return fresh, errors.Join(errs...)
}

// silence says for how long nothing has come from a peer, and how often something comes else.
func silence(p ledger.PeerSeen, now time.Time) string {
	text := fmt.Sprintf("nothing has come from %s for %s", p.CallingAE, now.Sub(p.InstanceAt).Round(time.Minute))
	if p.Usual >= time.Minute {
		text += fmt.Sprintf("; usually a study comes every %s", p.Usual.Round(time.Minute))
	}
	return text
}

// lookDisk tells of a disk that runs short.
func (w *Watch) lookDisk(ctx context.Context) ([]ledger.Notice, error) {
	room, err := w.Room(ctx)
	if err != nil {
		return nil, err
	}
	why := shortage(room, w.short)
	w.short = why.Code != ""
	if !w.short {
		return nil, w.Ledger.NoteRoom(ctx)
	}
	n, err := w.Ledger.NoteDisk(ctx, why)
	if n == nil {
		return nil, err
	}
	return []ledger.Notice{*n}, err
}

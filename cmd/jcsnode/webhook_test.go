package main

import (
	"strings"
	"testing"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/node"
)

func TestExplain_Notifications(t *testing.T) {
	now := time.Now()
	fact := ledger.Notice{Kind: ledger.NoticeResult}
	lost := ledger.Notice{Kind: ledger.NoticeFailure, Destination: "pacs"}
	h := &ledger.History{StudyUID: "1.2", State: ledger.StateReported, Notifications: []ledger.Notification{
		{Receiver: "ris", Notice: fact, State: ledger.NotificationSent, Detail: "HTTP 204", SentAt: now, Attempts: 1},
		{Receiver: "pager", Notice: fact, State: ledger.NotificationWaiting, Detail: "HTTP 502 Bad Gateway", Attempts: 2, NextAt: now.Add(time.Minute)},
		{Receiver: "pager", Notice: lost, State: ledger.NotificationWaiting},
		{Receiver: "mail", Notice: lost, State: ledger.NotificationFailed, Detail: "HTTP 401 Unauthorized", Attempts: 100},
	}}
	var text strings.Builder
	e := explanation{w: &text, settle: config.Default().Settle, quietOf: node.QuietOf(nil), now: now}
	e.study(h)
	_, got, _ := strings.Cut(times.ReplaceAllString(text.String(), "TIME"), "\nNotification\n")
	wantText(t, got, `
  ris was told of the result at TIME: HTTP 204.
  pager has not been told of the result so far, after 2 attempts: HTTP 502 Bad Gateway.
  pager has not been told yet of the failed delivery to pacs.
  mail was not told of the failed delivery to pacs, for good, after 100 attempts: HTTP 401 Unauthorized.

What happens next
  pager is told again of the result at TIME, in 1m0s.
  pager is told of the failed delivery to pacs now, and at the next start if the node is down.
  1 notification failed for good: `+"`jcsnode requeue 1.2`"+` has them tried again.
`)
}

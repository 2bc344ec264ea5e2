package notify

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	h := &hook{answer: func(w http.ResponseWriter, n int) {
		w.WriteHeader(map[int]int{1: http.StatusAccepted, 2: http.StatusForbidden}[n])
	}}
	to := receiver(serve(t, h, httptest.NewServer).URL)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	id, code, err := to.Try(t.Context(), Node{AETitle: "JCS"}, "research", now)
	if err != nil || code != http.StatusAccepted {
		t.Fatalf("HTTP %d, %v", code, err)
	}
	got := h.requests()[0]
	var e Event
	if err := json.Unmarshal([]byte(got.body), &e); err != nil {
		t.Fatal(err)
	}
	want := Event{Schema: Schema, ID: id, Type: TypeTest, At: now, Node: Node{AETitle: "JCS"}, Notice: "research"}
	if e != want || got.event != id || !got.authentic(secret) {
		t.Errorf("%+v with ID %s, want %+v", e, got.event, want)
	}
	second, _, err := to.Try(t.Context(), Node{}, "", now)
	if err == nil || second == id {
		t.Errorf("refused: %v; IDs %s and %s", err, id, second)
	}
}

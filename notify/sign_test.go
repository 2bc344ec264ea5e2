package notify

import (
	"testing"
	"time"
)

// The signature is that of `printf '1767225600.{"id":"00"}' | openssl dgst -sha256 -hmac 'a secret of some length'`.
func TestSign(t *testing.T) {
	got := Sign([]byte("a secret of some length"), time.Unix(1767225600, 999), []byte(`{"id":"00"}`))
	if want := "v1=fce626f667713c1f7e8251c62bb539dd8e4b72f8e5d61dfacd3963356db6bd80"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

package notify

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"
)

// Try sends a test event, signed as every other, and returns its ID and the code of the answer. The error is that of Post.
func (r *Webhook) Try(ctx context.Context, node Node, notice string, now time.Time) (id string, code int, err error) {
	random := make([]byte, 16)
	rand.Read(random) // never fails
	id = hex.EncodeToString(random)
	body, err := Event{Schema: Schema, ID: id, Type: TypeTest, At: now.UTC(), Node: node, Notice: notice}.Encode()
	if err != nil {
		return id, 0, err
	}
	code, err = r.Post(ctx, id, body, now)
	return id, code, err
}

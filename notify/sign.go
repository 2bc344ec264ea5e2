package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// Headers of a request.
const (
	// HeaderEvent has the event's ID, so that a repetition is known before the body is read.
	HeaderEvent = "Jcsnode-Event"
	// HeaderTimestamp has the seconds since 1970, UTC, when the request was signed; a receiver refuses what is old.
	HeaderTimestamp = "Jcsnode-Timestamp"
	// HeaderSignature has what Sign gives.
	HeaderSignature = "Jcsnode-Signature"
)

// signaturePrefix names the way of signing, so that another can follow.
const signaturePrefix = "v1="

// Sign is "v1=" and, in lower-case hexadecimal digits, the HMAC-SHA256 under the secret of the timestamp as HeaderTimestamp has it,
// a full stop, and the body.
func Sign(secret []byte, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp(at)))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return signaturePrefix + hex.EncodeToString(mac.Sum(nil))
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

package access

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what one try of a password costs (RFC 9106 3.1).
type Cost struct {
	KiB    uint32
	Passes uint32
	Lanes  uint8
}

// DefaultCost is the second choice of RFC 9106 4, with one lane: a node's processors have other work.
var DefaultCost = Cost{KiB: 64 << 10, Passes: 3, Lanes: 1}

// Limits of what a users file may ask of this machine, and of what a password is.
const (
	maxKiB      = 1 << 20
	maxPasses   = 64
	saltBytes   = 16
	keyBytes    = 32
	MinPassword = 10 // characters; NIST SP 800-63B asks for 8 at least
	maxPassword = 1024
)

// Hash is what is kept of a password, in the text form that other programs have for argon2id.
func Hash(password string, c Cost) (string, error) {
	switch n := len([]rune(password)); {
	case n < MinPassword:
		return "", fmt.Errorf("the password has %d characters; at least %d", n, MinPassword)
	case len(password) > maxPassword:
		return "", fmt.Errorf("the password has %d bytes; at most %d", len(password), maxPassword)
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	key := argon2.IDKey([]byte(password), salt, c.Passes, c.KiB, c.Lanes, keyBytes)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.KiB, c.Passes, c.Lanes, b64(salt), b64(key)), nil
}

// kept is a parsed hash.
type kept struct {
	cost      Cost
	salt, key []byte
}

func parseHash(text string) (k kept, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return k, errors.New("no argon2id hash")
	}
	var version int
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return k, fmt.Errorf("argon2id version %q", parts[2])
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &k.cost.KiB, &k.cost.Passes, &k.cost.Lanes); err != nil {
		return k, fmt.Errorf("argon2id parameters %q", parts[3])
	}
	if c := k.cost; c.KiB < 8 || c.KiB > maxKiB || c.Passes < 1 || c.Passes > maxPasses || c.Lanes < 1 {
		return k, fmt.Errorf("argon2id parameters %q are out of range", parts[3])
	}
	if k.salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return k, fmt.Errorf("salt: %w", err)
	}
	if k.key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return k, fmt.Errorf("key: %w", err)
	}
	if len(k.salt) < 8 || len(k.salt) > 64 || len(k.key) < 16 || len(k.key) > 64 {
		return k, errors.New("salt or key has an odd length")
	}
	return k, nil
}

func (k kept) matches(password string) bool {
	if len(password) > maxPassword {
		return false
	}
	got := argon2.IDKey([]byte(password), k.salt, k.cost.Passes, k.cost.KiB, k.cost.Lanes, uint32(len(k.key)))
	return subtle.ConstantTimeCompare(got, k.key) == 1
}

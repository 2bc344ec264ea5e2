package store

import (
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"
)

// Limits of names: an object key may have 1024 bytes (Amazon S3), an element of a path 255 (Linux).
const (
	maxName    = 512
	maxElement = 128
)

// CheckName checks a name: elements of letters, digits, "-", "_" and "." between slashes, none of which begins with a dot. The error
// is ErrName.
func CheckName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("%w: %d characters", ErrName, len(name))
	}
	for element := range strings.SplitSeq(name, "/") {
		if element == "" || len(element) > maxElement || element[0] == '.' || strings.ContainsFunc(element, foreign) {
			return fmt.Errorf("%w: %q", ErrName, name)
		}
	}
	return nil
}

func foreign(c rune) bool {
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.'
}

// NameLocks are locks of names, for a store in which looking for a name and taking it, or giving it up, must be one step in this process.
// Names may share a lock: nobody takes a second one while he has one.
type NameLocks [256]sync.Mutex

// Lock locks a name.
func (l *NameLocks) Lock(name string) (unlock func()) {
	h := fnv.New32a()
	io.WriteString(h, name)
	m := &l[h.Sum32()%uint32(len(l))]
	m.Lock()
	return m.Unlock
}

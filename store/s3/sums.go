package s3

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// headSize is the first piece of a file, which is got when it is opened: the header of a CT slice has some 2 to 6 KB.
	headSize = 64 << 10
	// maxPieces bounds the metadata: all of it may have 2 KB (Amazon S3), and a digest takes 22 characters.
	maxPieces = 64
	sumSize   = 16 // of the 32 bytes of a SHA-256
	sumFormat = "1:"
	// sumKey is the name of the metadata, behind X-Amz-Meta-.
	sumKey = "Jcsnode-Sums"
)

// pieces is how a file of a size is cut: a head, and the rest in pieces of one size. A digest is kept of each.
type pieces struct {
	size int64
	step int64 // size of a piece behind the head
}

func piecesOf(size int64) pieces {
	p := pieces{size: size, step: headSize}
	for p.count() > maxPieces {
		p.step *= 2
	}
	return p
}

// count is the number of pieces; an empty file is one empty piece.
func (p pieces) count() int {
	if p.size <= headSize {
		return 1
	}
	return 1 + int((p.size-headSize+p.step-1)/p.step)
}

// start is where piece i begins; the number of pieces gives the end of the file.
func (p pieces) start(i int) int64 {
	switch {
	case i == 0:
		return 0
	case i >= p.count():
		return p.size
	}
	return headSize + int64(i-1)*p.step
}

// at is the piece that holds the byte at an offset.
func (p pieces) at(off int64) int {
	if off < headSize {
		return 0
	}
	return 1 + int((off-headSize)/p.step)
}

// sums are digests of the pieces of a file.
type sums [][sumSize]byte

// sumsOf reads a file once.
func sumsOf(content io.ReaderAt, size int64) (sums, error) {
	p := piecesOf(size)
	all := make(sums, 0, p.count())
	for i := range p.count() {
		digest := sha256.New()
		want := p.start(i+1) - p.start(i)
		n, err := io.Copy(digest, io.NewSectionReader(content, p.start(i), want))
		if err == nil && n < want {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		all = append(all, [sumSize]byte(digest.Sum(nil)))
	}
	return all, nil
}

// hold tells whether bytes are those of a piece.
func (s sums) hold(piece int, content []byte) bool {
	sum := sha256.Sum256(content)
	return s[piece] == [sumSize]byte(sum[:])
}

func (s sums) String() string {
	raw := make([]byte, 0, len(s)*sumSize)
	for _, sum := range s {
		raw = append(raw, sum[:]...)
	}
	return sumFormat + base64.RawURLEncoding.EncodeToString(raw)
}

// parseSums reads what String wrote for a file of a size.
func parseSums(text string, size int64) (sums, error) {
	if text == "" {
		return nil, errors.New("it has no digests: it was not written by jcsnode, or the service lost its metadata")
	}
	encoded, known := strings.CutPrefix(text, sumFormat)
	raw, err := base64.RawURLEncoding.DecodeString(encoded)
	if want := piecesOf(size).count(); !known || err != nil || len(raw) != want*sumSize {
		return nil, fmt.Errorf("its digests are not those of %d bytes", size)
	}
	all := make(sums, len(raw)/sumSize)
	for i := range all {
		all[i] = [sumSize]byte(raw[i*sumSize:])
	}
	return all, nil
}

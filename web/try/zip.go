package try

import (
	"archive/zip"
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"strings"
)

// Limits of a zip beside those of what it holds.
const (
	// mostRatio is how many times its size a zip may unpack to: CT packs to a third, and what repeats itself to a thousandth.
	mostRatio = 100
	// ratioFrom is the size below which any ratio is good: a few empty slices do no harm.
	ratioFrom = 32 << 20
	// directoryBytes of its directory are read for each file that it may have, names included.
	directoryBytes = 512
	// leastDirectory is what any zip may have.
	leastDirectory = 256 << 10
)

const zipMagic = "PK\x03\x04"

// isZip knows a zip, an empty one, and the first of several parts by their beginning.
func isZip(head []byte) bool {
	switch string(head) {
	case zipMagic, "PK\x05\x06", "PK\x07\x08":
		return true
	}
	return false
}

// budget bounds what is read while it is set: a zip's directory is read whole, and may lie about its length.
type budget struct {
	io.ReaderAt
	left  int64
	spent bool
	off   bool
}

var errSpent = errors.New("the directory of the zip is too long")

func (b *budget) ReadAt(p []byte, off int64) (int, error) {
	if b.off {
		return b.ReaderAt.ReadAt(p, off)
	}
	if b.left -= int64(len(p)); b.left < 0 {
		b.spent = true
		return 0, errSpent
	}
	return b.ReaderAt.ReadAt(p, off)
}

// unzip takes the files of a zip. It is looked through before anything is unpacked.
func (in *intake) unzip(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	directory := &budget{ReaderAt: f, left: leastDirectory + directoryBytes*int64(in.mostFiles)}
	z, err := zip.NewReader(directory, info.Size())
	if directory.spent {
		return refuse(http.StatusRequestEntityTooLarge, "The zip holds more than the %d files that a study may have here.", in.mostFiles)
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked at below
		return damaged(err)
	}
	directory.off = true
	if err := in.inspect(z.File, info.Size()); err != nil {
		return err
	}
	for _, entry := range z.File {
		if isFolder(entry) {
			continue
		}
		if err := in.unpack(entry); err != nil {
			return err
		}
	}
	return nil
}

// inspect refuses what a zip of a study does not hold.
func (in *intake) inspect(entries []*zip.File, size int64) error {
	if len(entries) > in.mostFiles-in.taken {
		return refuse(http.StatusRequestEntityTooLarge, "The zip holds more than the %d files that a study may have here.", in.mostFiles)
	}
	left := uint64(in.most - in.bytes)
	var sum uint64
	for _, e := range entries {
		const encrypted = 1
		switch {
		case e.Flags&encrypted != 0:
			return refuse(http.StatusBadRequest, "The zip is encrypted. Give it without a password.")
		case leadsOut(e.Name):
			return refuse(http.StatusBadRequest, "The zip holds a name that leads out of its folder. Nothing of it was taken.")
		case isFolder(e):
			continue
		case !e.Mode().IsRegular():
			return refuse(http.StatusBadRequest, "The zip holds a link or a device. Nothing of it was taken.")
		case e.UncompressedSize64 > left-sum:
			return in.tooMuch()
		}
		sum += e.UncompressedSize64
	}
	if sum > ratioFrom && sum/mostRatio > uint64(size) {
		return refuse(http.StatusBadRequest,
			"The zip unpacks to more than %d times its size, which no CT study does. Nothing of it was taken.", mostRatio)
	}
	return nil
}

// isFolder knows a folder of a zip. Some programs end its name with a backslash.
func isFolder(e *zip.File) bool { return strings.HasSuffix(slashed(e.Name), "/") }

// slashed is a name of a zip with slashes, whichever the program that wrote it has.
func slashed(name string) string { return strings.ReplaceAll(name, `\`, "/") }

// leadsOut tells names that, taken for paths, would be elsewhere than below the folder of the zip. Nothing here takes them for paths; who
// wrote one means no good.
func leadsOut(name string) bool {
	n := slashed(name)
	clean := path.Clean(n)
	return n == "" || strings.ContainsRune(n, 0) || strings.HasPrefix(n, "/") || clean == ".." || strings.HasPrefix(clean, "../") ||
		len(n) > 1 && n[1] == ':'
}

func (in *intake) unpack(e *zip.File) error {
	r, err := e.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return refuse(http.StatusBadRequest, "The zip is packed in a way that is not known here (method %d). Pack it anew.", e.Method)
	}
	if err != nil {
		return damaged(err)
	}
	defer r.Close()
	err = in.write(r)
	var theirs sourceError
	if errors.As(err, &theirs) {
		return damaged(theirs.error)
	}
	return err
}

func damaged(err error) error {
	return refuse(http.StatusBadRequest, "The zip is damaged, or did not come whole (%v).", err)
}

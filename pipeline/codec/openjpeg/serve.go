package openjpeg

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"jcsnode/pipeline/codec/codestream"
)

// A process that finds workerVariable set is a worker and nothing else, whatever its main function does: so every program that
// uses this package can start one, tests included.
func init() {
	if os.Getenv(workerVariable) == "" {
		return
	}
	// A terminal and systemd signal the whole group: the node decides when it stops, and the worker ends with it.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	limitMemory()
	if err := serve(os.Stdin, os.Stdout, decode); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// serve decodes the frames that come from r, one after the other, until r ends.
func serve(r io.Reader, w io.Writer, decode func([]byte, codestream.Image) ([]int32, error)) error {
	in, out := bufio.NewReader(r), bufio.NewWriterSize(w, 64<<10)
	for {
		var head [3]uint32
		if err := binary.Read(in, binary.LittleEndian, &head); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		data := make([]byte, head[2])
		if _, err := io.ReadFull(in, data); err != nil {
			return err
		}
		// The other side kills a worker that is too slow, unless it is gone itself.
		orphan := time.AfterFunc(2*Deadline, func() { os.Exit(1) })
		samples, err := decode(data, codestream.Image{Rows: int(head[0]), Columns: int(head[1])})
		orphan.Stop()
		if err := writeResponse(out, samples, err); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

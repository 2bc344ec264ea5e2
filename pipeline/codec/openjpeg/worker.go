package openjpeg

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"jcsnode/pipeline/codec/codestream"
)

// workerVariable makes a process of this executable a worker.
const workerVariable = "JCSNODE_OPENJPEG_WORKER"

// idleTime is how long a worker waits for the next frame before it is ended: studies come in hundreds of frames.
const idleTime = 10 * time.Second

// decoders are the workers of this process. They hold nothing but their own memory.
var decoders = pool{start: startWorker}

// pool keeps workers that wait, at most one for each processor.
type pool struct {
	start func() (*worker, error)

	mu   sync.Mutex
	idle []*worker
}

// decode has a worker decode a frame. If the worker dies, another one tries once more: it may have been killed by somebody else,
// as when memory is short.
func (p *pool) decode(data []byte, im codestream.Image, limit time.Duration) ([]int32, error) {
	samples, err := p.try(data, im, limit)
	if errors.Is(err, errDied) {
		samples, err = p.try(data, im, limit)
	}
	return samples, err
}

// try does it with one worker. One that gave an error is not used again: C code may have damaged it.
func (p *pool) try(data []byte, im codestream.Image, limit time.Duration) ([]int32, error) {
	w, err := p.take()
	if err != nil {
		return nil, fmt.Errorf("start an OpenJPEG process: %w", err)
	}
	samples, err := w.decode(data, im, time.Now().Add(limit))
	if err != nil {
		return nil, w.end(err)
	}
	p.put(w)
	return samples, nil
}

// take gives a worker that waits, or a new one.
func (p *pool) take() (*worker, error) {
	p.mu.Lock()
	n := len(p.idle)
	if n == 0 {
		p.mu.Unlock()
		return p.start()
	}
	defer p.mu.Unlock()
	w := p.idle[n-1]
	p.idle = p.idle[:n-1]
	w.timer.Stop() // if it is too late for that, the timer does not find w any more
	return w, nil
}

func (p *pool) put(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= runtime.NumCPU() {
		_ = w.end(nil)
		return
	}
	p.idle = append(p.idle, w)
	w.timer = time.AfterFunc(idleTime, func() { p.drop(w) })
}

// drop ends a worker that nobody took.
func (p *pool) drop(w *worker) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, other := range p.idle {
		if other == w {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			_ = w.end(nil)
			return
		}
	}
}

// worker is a process that decodes one frame after the other.
type worker struct {
	cmd   *exec.Cmd
	in    *os.File // requests
	out   *os.File // responses
	words *os.File // what it writes to standard error
	timer *time.Timer
}

// startWorker runs this executable once more.
func startWorker() (*worker, error) {
	program := "/proc/self/exe" // also when the file was replaced
	if _, err := os.Stat(program); err != nil {
		if program, err = os.Executable(); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command(program)
	cmd.Args = []string{"openjpeg"} // in lists of processes
	cmd.Env = []string{workerVariable + "=1", "GOTRACEBACK=none"}
	return launch(cmd)
}

// launch starts a process with pipes to it. It starts no goroutine.
func launch(cmd *exec.Cmd) (w *worker, err error) {
	var files [6]*os.File // read and write ends of standard input, output and error
	defer func() {
		theirs := []*os.File{files[0], files[3], files[5]}
		if err != nil {
			theirs = files[:]
		}
		for _, f := range theirs {
			if f != nil {
				_ = f.Close()
			}
		}
	}()
	for i := 0; i < len(files); i += 2 {
		if files[i], files[i+1], err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = files[0], files[3], files[5]
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &worker{cmd: cmd, in: files[1], out: files[2], words: files[4]}, nil
}

// decode plays a request and reads the response. Errors of the codestream are as they come; others say that the process does
// not answer.
func (w *worker) decode(data []byte, im codestream.Image, deadline time.Time) ([]int32, error) {
	if err := errors.Join(w.in.SetWriteDeadline(deadline), w.out.SetReadDeadline(deadline)); err != nil {
		return nil, err
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(im.Rows))
	head = binary.LittleEndian.AppendUint32(head, uint32(im.Columns))
	head = binary.LittleEndian.AppendUint32(head, uint32(len(data)))
	for _, b := range [][]byte{head, data} {
		if _, err := w.in.Write(b); err != nil {
			return nil, w.silent(err)
		}
	}
	samples, err := readResponse(bufio.NewReaderSize(w.out, 64<<10), im.Samples())
	var refused *refusal
	if err != nil && !errors.As(err, &refused) {
		return nil, w.silent(err)
	}
	if err != nil {
		return nil, refused.err()
	}
	return samples, nil
}

// silent is the error for a process that did not answer: too slow, or dead.
func (w *worker) silent(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrDeadline
	}
	return fmt.Errorf("%w: %w", errDied, err)
}

// errDied says that the library ended its process.
var errDied = errors.New("OpenJPEG died of the codestream")

// end ends the process and returns err, with the last words of one that died.
func (w *worker) end(err error) error {
	_ = w.in.Close() // it ends by itself
	if err != nil {
		_ = w.cmd.Process.Kill() // unless it is busy, or damaged; one that has died is not harmed
	}
	_ = w.cmd.Wait() // how it ended is in its state
	if errors.Is(err, errDied) {
		said := make([]byte, 500)
		_ = w.words.SetReadDeadline(time.Now().Add(time.Second))
		n, _ := io.ReadFull(w.words, said)
		line, _, _ := bytes.Cut(bytes.TrimSpace(said[:n]), []byte("\n"))
		err = fmt.Errorf("%w (%v) %s", err, w.cmd.ProcessState, line)
	}
	_ = w.out.Close()
	_ = w.words.Close()
	return err
}

// Kinds of response: the first byte.
const (
	responseSamples  = 0 // rows x columns samples follow, 4 bytes each, little endian
	responseRefused  = 1 // a text of 4 bytes of length follows
	responseMismatch = 2 // as before: a codestream.Mismatch
)

// maxText bounds the text of a refusal.
const maxText = 1 << 10

// refusal is an error that the worker sent.
type refusal struct {
	mismatch bool
	text     string
}

func (r *refusal) Error() string { return r.text }

// err is the error as the worker had it.
func (r *refusal) err() error {
	if r.mismatch {
		return &codestream.Mismatch{Text: r.text}
	}
	return errors.New(r.text)
}

func readResponse(r io.Reader, count int) ([]int32, error) {
	var kind [1]byte
	if _, err := io.ReadFull(r, kind[:]); err != nil {
		return nil, err
	}
	if kind[0] == responseSamples {
		samples := make([]int32, count)
		return samples, binary.Read(r, binary.LittleEndian, samples)
	}
	var length uint32
	if err := binary.Read(r, binary.LittleEndian, &length); err != nil {
		return nil, err
	}
	if kind[0] > responseMismatch || length > maxText {
		return nil, fmt.Errorf("response of kind %d with %d bytes", kind[0], length)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	return nil, &refusal{kind[0] == responseMismatch, string(text)}
}

func writeResponse(w io.Writer, samples []int32, err error) error {
	if err == nil {
		if _, err := w.Write([]byte{responseSamples}); err != nil {
			return err
		}
		const chunk = 16 << 10 // so that there is no second copy of a frame
		for len(samples) > 0 {
			n := min(chunk, len(samples))
			if err := binary.Write(w, binary.LittleEndian, samples[:n]); err != nil {
				return err
			}
			samples = samples[n:]
		}
		return nil
	}
	kind := byte(responseRefused)
	var mismatch *codestream.Mismatch
	if errors.As(err, &mismatch) {
		kind = responseMismatch
	}
	text := err.Error()
	text = text[:min(len(text), maxText)]
	b := binary.LittleEndian.AppendUint32([]byte{kind}, uint32(len(text)))
	_, err = w.Write(append(b, text...))
	return err
}

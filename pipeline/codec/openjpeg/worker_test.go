package openjpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"jcsnode/pipeline/codec/codestream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell is a pool whose workers are shell scripts.
func shell(t *testing.T, script string) *pool {
	t.Helper()
	return &pool{start: func() (*worker, error) { return launch(exec.Command("sh", "-c", script)) }}
}

// A worker that dies or does not answer is an error of one frame; the next frame has a new one.
func TestPool_EndsWorkersThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   error
		text   string
	}{
		"stuck": {"exec sleep 60", ErrDeadline, ""},
		"dies": {"echo 'mel_init: Assertion failed' >&2; echo and more >&2; kill -ABRT $$",
			errDied, "(signal: aborted) mel_init: Assertion failed"},
		"ends":                 {"exit 0", errDied, "exit status 0"},
		"ends after half":      {"head -c 12 >/dev/null; printf '\\000\\001'", errDied, "EOF"},
		"nonsense":             {"head -c 12 >/dev/null; printf 'nonsense'", errDied, "response of kind 110"},
		"promises a long text": {"head -c 12 >/dev/null; printf '\\001\\377\\377\\377\\377'", errDied, "4294967295 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			p := shell(t, c.script)
			began := time.Now()
			_, err := p.decode(make([]byte, 100), codestream.Image{Rows: 2, Columns: 2}, 300*time.Millisecond)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			if len(p.idle) != 0 {
				t.Error("it is used again")
			}
		})
	}
	p := pool{start: func() (*worker, error) { return launch(exec.Command("/nowhere")) }}
	if _, err := p.decode(nil, codestream.Image{}, time.Second); err == nil {
		t.Error("no error without a program")
	}
}

// What is not the codestream's fault is none of the frame: a worker that somebody kills, a signal to the whole group.
func TestPool_SurvivesTheEndOfOthers(t *testing.T) {
	if !Available {
		t.Skip("SKIPPED: built without OpenJPEG")
	}
	good := stream(t, "j2k-lossless.dcm")
	started := 0
	p := &pool{start: func() (*worker, error) {
		if started++; started == 1 {
			return launch(exec.Command("sh", "-c", "kill -KILL $$"))
		}
		return startWorker()
	}}
	for range 2 {
		if _, err := p.decode(good, small, Deadline); err != nil {
			t.Fatal(err)
		}
		for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
			if err := p.idle[0].cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	if started != 2 {
		t.Errorf("%d workers were started, want one that was killed and one that was not", started)
	}
	p.drop(p.idle[0])
}

// Workers are used again, and by many at a time.
func TestPool_KeepsWorkers(t *testing.T) {
	if !Available {
		t.Skip("SKIPPED: built without OpenJPEG")
	}
	good := stream(t, "htj2k-lossless.dcm")
	var mu sync.Mutex
	started := 0
	p := &pool{start: func() (*worker, error) {
		mu.Lock()
		defer mu.Unlock()
		started++
		return startWorker()
	}}
	want, err := decode(good, small)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 20 {
				if got, err := p.decode(good, small, Deadline); err != nil || !slices.Equal(got, want) {
					t.Errorf("%v, or other samples than in this process", err)
				}
			}
		})
	}
	wg.Wait()
	if started > 3 {
		t.Errorf("%d workers were started for three at a time", started)
	}
	for len(p.idle) > 0 {
		p.drop(p.idle[0])
	}
}

// The library of Debian 12 has its assertions, and this stream, HTJ2K with a byte over 8F behind an FF where a MEL segment ends,
// fails one: it once ended the program that decoded it.
func TestDecode_SurvivesTheDeathOfTheLibrary(t *testing.T) {
	if !Available {
		t.Skip("SKIPPED: built without OpenJPEG")
	}
	good := stream(t, "htj2k-lossy.dcm")
	var died error
	for at := 160; at < 400 && died == nil; at++ {
		bad := slices.Clone(good)
		copy(bad[at:], "\xFF\xFF")
		if _, _, err := Decode(bad, small); errors.Is(err, errDied) {
			died = err
		}
	}
	t.Log(died)
	if _, _, err := Decode(good, small); err != nil {
		t.Errorf("a good stream afterwards: %v", err)
	}
}

func TestServe_AnswersInTheFormThatIsRead(t *testing.T) {
	im := codestream.Image{Rows: 3, Columns: 5}
	answers := map[string]error{"good": nil, "refused": errors.New("damaged"),
		"other size": &codestream.Mismatch{Text: "4 x 4"}, "long": errors.New(strings.Repeat("x", 5000))}
	samples := []int32{-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1 << 30, -1 << 31}
	for name, answer := range answers {
		request := binary.LittleEndian.AppendUint32(nil, 3)
		request = binary.LittleEndian.AppendUint32(request, 5)
		request = binary.LittleEndian.AppendUint32(request, uint32(len(name)))
		request = append(request, name...)
		var out bytes.Buffer
		err := serve(bytes.NewReader(slices.Concat(request, request)), &out, func(data []byte, got codestream.Image) ([]int32, error) {
			if string(data) != name || got != im {
				t.Errorf("request %q %+v, want %q %+v", data, got, name, im)
			}
			return samples, answer
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got, err := readResponse(&out, 15)
			var refused *refusal
			switch {
			case answer == nil:
				if err != nil || !slices.Equal(got, samples) {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			case !errors.As(err, &refused) || refused.err().Error() != answer.Error()[:min(len(answer.Error()), maxText)]:
				t.Errorf("%s: %v", name, err)
			case errors.As(answer, new(*codestream.Mismatch)) != errors.As(refused.err(), new(*codestream.Mismatch)):
				t.Errorf("%s: came as %T", name, refused.err())
			}
		}
		if _, err := out.ReadByte(); err != io.EOF {
			t.Errorf("%s: more than two responses", name)
		}
	}
	if err := serve(strings.NewReader("cut"), io.Discard, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a request: %v", err)
	}
}

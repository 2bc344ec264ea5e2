package dimse

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"jcsnode/phantom"
	"jcsnode/phantom/phantomtest"
)

const jpegLosslessSV1 = "1.2.840.10008.1.2.4.70"

// missing skips a test that lacks something, which CI forbids.
func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// tool finds a program of DCMTK.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, "DCMTK's %s is not installed: %v", name, err)
	}
	return path
}

// ctFiles are n slices of a phantom, JPEG lossless.
func ctFiles(t testing.TB, n int) []string {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(phantomtest.Compressed(t, phantom.Options{Slices: n}), "*.dcm")) // the pattern is well-formed
	return files
}

// dataSet splits a Part 10 file into its instance UID and its data set (PS3.10 section 7.1).
func dataSet(t testing.TB, file string) (instance string, data []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const groupLengthEnd = 128 + 4 + 12
	end := groupLengthEnd + int(binary.LittleEndian.Uint32(b[groupLengthEnd-4:]))
	meta := b[:end]
	at := bytes.Index(meta, []byte("\x02\x00\x03\x00UI")) + 8
	instance = string(bytes.TrimRight(meta[at:at+int(binary.LittleEndian.Uint16(meta[at-2:]))], "\x00"))
	return instance, b[end:]
}

func split(t testing.TB, address string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

func run(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, tool(t, name), args...).CombinedOutput()
	return string(output), err
}

// serveDCMTK is serve for DCMTK's senders, which propose JPEG lossless.
func serveDCMTK(t testing.TB) (host, port string, handler *recorder) {
	t.Helper()
	address, handler := serve(t, func(s *Server) {
		s.Accept = func(p Requestor, abstract string, proposed []string) (string, byte) {
			if abstract == ctImage && slices.Contains(proposed, jpegLosslessSV1) {
				return jpegLosslessSV1, 0
			}
			return acceptTest(p, abstract, proposed)
		}
	})
	host, port = split(t, address)
	return host, port, handler
}

func TestServer_DCMTKSenders(t *testing.T) {
	files := ctFiles(t, 5)
	host, port, handler := serveDCMTK(t)
	var want [][]byte
	for _, file := range files {
		_, data := dataSet(t, file)
		want = append(want, data)
	}
	tests := []struct {
		name    string
		tool    string
		options []string
		files   []string
		end     string
	}{
		{"echo", "echoscu", nil, nil, "released"},
		{"echo of 20", "echoscu", []string{"--repeat", "20"}, nil, "released"},
		{"echo that aborts", "echoscu", []string{"--abort"}, nil, "aborted by the peer"},
		{"echo with 128 contexts", "echoscu", []string{"--propose-pc", "128"}, nil, "released"},
		{"store", "storescu", []string{"-xs", "-R"}, files, "released"},
		{"store with PDUs of 4096", "storescu", []string{"-xs", "-R", "--max-send-pdu", "4096", "-pdu", "4096"}, files, "released"},
		{"store with PDUs of 131072", "storescu", []string{"-xs", "-R", "--max-send-pdu", "131072"}, files, "released"},
		{"store with all contexts of DCMTK", "storescu", []string{"-xs"}, files, "released"},
		{"store that aborts", "storescu", []string{"-xs", "--abort"}, files, "aborted by the peer"},
		{"dcmsend", "dcmsend", []string{"--decompress-never"}, files, "released"},
		{"termscu, whose class is not accepted", "termscu", nil, nil, "lost"}, // 3.6.7 just closes
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			args := slices.Concat([]string{"-aec", calledTitle, "-aet", callingTitle}, test.options, []string{host, port}, test.files)
			output, err := run(t, test.tool, args...)
			if err != nil && test.end != "lost" {
				t.Errorf("%s: %v\n%s", test.tool, err, output)
			}
			if err := handler.end(t); describe(err) != test.end {
				t.Errorf("Closed: %v, want the association %s", err, test.end)
			}
			stored := handler.take()
			if len(stored) != len(test.files) {
				t.Fatalf("%d data sets were stored, %d were sent\n%s", len(stored), len(test.files), output)
			}
			for i := range stored {
				if !slices.ContainsFunc(want, func(data []byte) bool { return bytes.Equal(data, stored[i]) }) {
					t.Errorf("data set %d differs from every file", i)
				}
			}
		})
	}
}

func TestServer_DCMTKHearsTheRejection(t *testing.T) {
	host, port, _ := serveDCMTK(t)
	output, err := run(t, "echoscu", "-aec", "OTHER", host, port)
	if err == nil || !bytes.Contains([]byte(output), []byte("Called AE Title Not Recognized")) {
		t.Errorf("echoscu with another title: %v\n%s", err, output)
	}
}

// storescp starts DCMTK's receiver, which keeps what comes bit for bit, and returns its address and folder.
func storescp(t testing.TB, args ...string) (address, folder string) {
	t.Helper()
	path := tool(t, "storescp")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_, port := split(t, address)
	_ = l.Close()
	folder = t.TempDir()
	cmd := exec.Command(path, slices.Concat([]string{"-od", folder, "+B", "+xa"}, args, []string{port})...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // its error is the kill
		if t.Failed() {
			t.Logf("storescp: %s", output.String())
		}
	})
	for deadline := time.Now().Add(longestWait); ; {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return address, folder
		}
		if time.Now().After(deadline) {
			t.Fatalf("storescp does not listen: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestConn_DCMTKReceiver(t *testing.T) {
	files := ctFiles(t, 3)
	for _, limit := range []string{"4096", "16384", "131072"} {
		t.Run("PDUs of "+limit, func(t *testing.T) {
			address, folder := storescp(t, "-pdu", limit)
			c, err := testDialer().Dial(t.Context(), address, "STORESCP", []PresentationContext{
				{AbstractSyntax: Verification, TransferSyntaxes: []string{implicitVRLittleEndian}},
				{AbstractSyntax: ctImage, TransferSyntaxes: []string{jpegLosslessSV1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			if status, err := c.Echo(t.Context()); err != nil || status != StatusSuccess {
				t.Errorf("Echo: %v, %v", status, err)
			}
			for _, file := range files {
				instance, data := dataSet(t, file)
				response, err := c.Store(t.Context(), StoreCommand{
					SOPClassUID:       ctImage,
					SOPInstanceUID:    instance,
					TransferSyntaxUID: jpegLosslessSV1,
					Body:              bytes.NewReader(data),
				})
				if err != nil || response.Status != StatusSuccess {
					t.Fatalf("Store: %+v, %v", response, err)
				}
				kept, err := filepath.Glob(filepath.Join(folder, "*"+instance+"*"))
				if err != nil || len(kept) != 1 {
					t.Fatalf("storescp kept %v, %v", kept, err)
				}
				if _, got := dataSet(t, kept[0]); !bytes.Equal(got, data) {
					t.Errorf("storescp kept %d bytes, %d were sent, or they differ", len(got), len(data))
				}
			}
			if err := c.Release(t.Context()); err != nil {
				t.Errorf("Release: %v", err)
			}
		})
	}
	t.Run("refusal", func(t *testing.T) {
		address, _ := storescp(t, "--refuse")
		_, err := testDialer().Dial(t.Context(), address, "STORESCP", testContexts)
		var rejection *Rejection
		if !errors.As(err, &rejection) {
			t.Errorf("Dial: %v, want a rejection", err)
		}
	})
}

// BenchmarkStorescu compares this package, with a handler that reads and forgets, to DCMTK's storescp, which writes without
// sync or ignores: both get the same 100 instances of 526 KB from an unmodified storescu, in turns.
func BenchmarkStorescu(b *testing.B) {
	const count = 100
	folder := phantomtest.Write(b, phantom.Options{Slices: count, Spacing: 3})
	address, handler := serve(b, func(s *Server) { s.Admit = nil; s.Logger = slog.New(slog.DiscardHandler) })
	handler.store = func(_ *Association, req *StoreRequest) (Status, string) {
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return StatusProcessingFailure, ""
		}
		return StatusSuccess, ""
	}
	writing, _ := storescp(b)
	ignoring, _ := storescp(b, "--ignore")
	took := map[string]time.Duration{}
	for b.Loop() {
		for _, to := range []string{address, writing, ignoring} {
			host, port := split(b, to)
			start := time.Now()
			if output, err := run(b, "storescu", "-xe", "-R", "+sd", host, port, folder); err != nil {
				b.Fatalf("storescu: %v\n%s", err, output)
			}
			took[to] += time.Since(start)
		}
	}
	rate := func(to string) float64 { return float64(b.N*count) / took[to].Seconds() }
	b.ReportMetric(rate(address), "instances/s")
	b.ReportMetric(rate(writing), "storescp/s")
	b.ReportMetric(rate(ignoring), "storescp-ignoring/s")
	b.ReportMetric(rate(address)/rate(writing), "ratio")
	b.ReportMetric(rate(address)/rate(ignoring), "ratio-ignoring")
}

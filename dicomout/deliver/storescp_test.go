package deliver_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dicomout/object/objecttest"
	"jcsnode/dicomout/seg"
)

// TestSend_Storescp sends a segmentation to DCMTK's receiver, as it is and for one that takes implicit VR alone, and reads what
// the receiver wrote.
func TestSend_Storescp(t *testing.T) {
	program, err := exec.LookPath("storescp")
	if err != nil {
		objecttest.Missing(t, "storescp (package dcmtk)")
	}
	s := objecttest.Chest(t)
	masks := make([][]byte, len(s.Slices))
	masks[70] = bytes.Repeat([]byte{0, 1, 1}, 512*512/3+1)[:512*512]
	segmentation, err := seg.Build(s, seg.Input{Masks: masks, SpacingBetweenSlices: 2, Model: objecttest.Model, Threshold: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	for name, options := range map[string][]string{
		dataset.ExplicitVRLittleEndian: nil,
		dataset.ImplicitVRLittleEndian: {"--implicit"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			address := storescp(t, program, folder, options...)
			lines, outcomes, err := send(t, destination(address), []deliver.Item{{
				ID: 1, SOPClassUID: segmentation.SOPClassUID, SOPInstanceUID: segmentation.SOPInstanceUID,
				TransferSyntaxUID: segmentation.TransferSyntaxUID, Read: func() ([]byte, error) { return segmentation.File, nil },
			}})
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, lines, "1 sent, never, tried")
			if outcomes[0].TransferSyntaxUID != name {
				t.Errorf("went in %s", outcomes[0].TransferSyntaxUID)
			}
			files, _ := filepath.Glob(filepath.Join(folder, "*"))
			if len(files) != 1 {
				t.Fatalf("storescp wrote %v", files)
			}
			got := objecttest.Open(t, files[0])
			if got.TransferSyntax().UID != name {
				t.Errorf("stored in %s", got.TransferSyntax().UID)
			}
			for _, tg := range []dataset.Tag{
				dataset.PatientID, dataset.SpecificCharacterSet, dataset.StudyInstanceUID, dataset.SOPInstanceUID,
			} {
				want, _ := s.Source.Set().Bytes(tg)
				if tg == dataset.SOPInstanceUID {
					want = []byte(s.InstanceUID(object.Segmentation))
				}
				if b, _ := got.Set().Bytes(tg); !bytes.Equal(bytes.TrimRight(b, "\x00"), bytes.TrimRight(want, "\x00")) {
					t.Errorf("%v arrived as %q, want %q", tg, b, want)
				}
			}
			pixels, ok := got.PixelData()
			if !ok || pixels.Length != 512*512/8 {
				t.Errorf("pixel data: %v, %d bytes", ok, pixels.Length)
			}
		})
	}
}

// storescp starts DCMTK's receiver on a free port until the end of the test.
func storescp(t *testing.T, program, folder string, options ...string) (address string) {
	t.Helper()
	return startPeer(t, program, func(port string) []string { return append(options, "--output-directory", folder, port) })
}

// startPeer starts a program that accepts associations, on a free port until the end of the test, and waits until it does.
func startPeer(t *testing.T, program string, arguments func(port string) []string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithCancel(context.Background())
	command := exec.CommandContext(ctx, program, arguments(port)...)
	command.Env = append(os.Environ(), "TCP_NODELAY=1")
	var log bytes.Buffer
	command.Stdout, command.Stderr = &log, &log
	if err := command.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel() // kills this process, by its handle
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", program, &log)
		}
	})
	waitFor(t, func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return address
}

package scp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

// dicomRS is a tool of dicom-rs. No package of Debian has them, so that they are not demanded anywhere:
// cargo install dicom-storescp dicom-storescu.
func dicomRS(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is missing: cargo install %s", name, name)
	}
	return path
}

// The sender of dicom-rs names a user and sends each file in its own syntax, on one association and on three at a time.
func TestDoor_DicomRSSends(t *testing.T) {
	program := dicomRS(t, "dicom-storescu")
	dir := testData(t, "syntaxes", "small_s16")
	want := map[string]string{}
	var args []string
	for _, name := range []string{"explicit-le.dcm", "implicit-le.dcm", "jpeg-lossless-sv1.dcm", "deflated.dcm"} {
		path := filepath.Join(dir, name)
		args = append(args, path)
		syntax, values := topLevel(t, path)
		want[syntax] = values
	}
	for _, parallel := range [][]string{nil, {"--concurrency", "3"}} {
		n := startNode(t, Settings{CheckCalled: true, TransferSyntaxes: append(allSyntaxes(), dataset.DeflatedExplicitVRLittleEndian)}, nil)
		options := append([]string{
			"--fail-first",
			"--never-transcode",
			"--username", "radiographer",
			"--calling-ae-title", "RS",
			"--called-ae-title", "JCS",
		}, parallel...)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if out, err := exec.CommandContext(ctx, program, append(append(options, n.addr), args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", parallel, err, tail(string(out)))
		}
		stored := files(t, n.dir)
		if len(stored) != len(want) {
			t.Errorf("%d files, want %d", len(stored), len(want))
		}
		for _, path := range stored {
			if syntax, values := topLevel(t, filepath.Join(n.dir, path)); values != want[syntax] {
				t.Errorf("%s: other values than were sent", syntax)
			}
		}
	}
}

// topLevel are the values of a file that a sender may not change: all of stated length but sequences, which dicom-rs writes anew.
func topLevel(t *testing.T, path string) (syntax, values string) {
	t.Helper()
	f, err := dataset.Open(path, dataset.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b strings.Builder
	for _, e := range f.Set().Elements() {
		if e.Length < 0 || e.VR == "SQ" {
			continue
		}
		value, ok := f.Set().Bytes(e.Tag)
		if pixels, has := f.PixelData(); has && e.Tag == dataset.PixelDataTag {
			value, err = io.ReadAll(pixels.Reader())
			ok = err == nil
		}
		if !ok {
			t.Fatalf("%s: %v cannot be read: %v", path, e.Tag, err)
		}
		fmt.Fprintf(&b, "%v %x\n", e.Tag, value)
	}
	if b.Len() == 0 {
		t.Fatalf("%s has no values", path)
	}
	return f.TransferSyntax().UID, b.String()
}

// Our requestor at the receiver of dicom-rs, whose PDUs are short.
func TestDialer_DicomRSReceives(t *testing.T) {
	program := dicomRS(t, "dicom-storescp")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir := t.TempDir()
	cmd := exec.Command(program, "-n", "-m", "4096", "-o", dir, "-p", fmt.Sprint(port))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	waitFor(t, "the receiver to listen", func() bool {
		c, err := net.Dial("tcp", l.Addr().String())
		return err == nil && c.Close() == nil
	})
	d := dimse.Dialer{CallingAETitle: "CT1", ImplementationClassUID: "2.25.1"}
	c, err := d.Dial(t.Context(), l.Addr().String(), "STORE-SCP", []dimse.PresentationContext{
		{AbstractSyntax: dimse.Verification, TransferSyntaxes: []string{dataset.ImplicitVRLittleEndian}},
		{AbstractSyntax: CTImageStorage, TransferSyntaxes: []string{dataset.ExplicitVRLittleEndian}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Abort()
	if status, err := c.Echo(t.Context()); err != nil || status != dimse.StatusSuccess {
		t.Errorf("echo: %v, %v", status, err)
	}
	i := aSlice("1.2", "1.2.3")
	i.pixels = make([]byte, 100_000)
	if r := send(t, c, i); r.Status != dimse.StatusSuccess {
		t.Errorf("store: %+v", r)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Error(err)
	}
	stored, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(stored) != 1 {
		t.Fatalf("stored %v, %v", stored, err)
	}
	raw, err := os.ReadFile(stored[0])
	if err != nil || !bytes.Contains(raw, i.bytes()[:200]) {
		t.Errorf("%v, or another data set", err)
	}
}

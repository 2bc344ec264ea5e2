package scu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/dimse/pdu"
)

// smallFile writes a DICOM file of a few elements; an empty UID is left out.
func smallFile(t *testing.T, path, class, uid string) string {
	t.Helper()
	var b bytes.Buffer
	if err := dataset.WriteMeta(&b, dataset.Meta{SOPClassUID: class, SOPInstanceUID: uid,
		TransferSyntaxUID: dataset.ExplicitVRLittleEndian, ImplementationClassUID: "2.25.1"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct{ tag, value string }{{"\x08\x00\x16\x00", class}, {"\x08\x00\x18\x00", uid}, {"\x20\x00\x0d\x00", "1.2.3"}} {
		if e.value != "" {
			value := e.value + strings.Repeat("\x00", len(e.value)%2)
			fmt.Fprintf(&b, "%sUI%c\x00%s", e.tag, len(value), value)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// moody takes what it is sent and ends the association at UIDs of its choice.
type moody struct {
	stored   []string
	listener *lastListener
	hangsUp  func(uid string) bool
}

func (m *moody) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }
func (m *moody) Closed(*dimse.Association, error)                      {}
func (m *moody) Store(_ context.Context, _ *dimse.Association, r *dimse.StoreRequest) (dimse.Status, string) {
	_, _ = io.Copy(io.Discard, r.Body)
	if m.hangsUp(r.SOPInstanceUID) {
		m.listener.last.Close()
		return dimse.StatusProcessingFailure, ""
	}
	m.stored = append(m.stored, r.SOPInstanceUID)
	return dimse.StatusSuccess, ""
}

// lastListener remembers the connection that came last: the client has one at a time.
type lastListener struct {
	net.Listener
	last net.Conn
}

func (l *lastListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.last = c
	}
	return c, err
}

func startMoody(t *testing.T, hangsUp func(uid string) bool) (*moody, Acceptor) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &moody{hangsUp: hangsUp, listener: &lastListener{Listener: l}}
	s := &dimse.Server{Handler: m, Logger: slog.New(slog.DiscardHandler),
		Accept: func(_ dimse.Requestor, class string, offered []string) (string, byte) {
			if class == refusedClass {
				return "", pdu.ResultAbstractSyntaxNotSupported
			}
			return offered[0], pdu.ResultAcceptance
		}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, m.listener) }()
	t.Cleanup(func() { cancel(); <-done })
	within := 10 * time.Second
	return m, Acceptor{Address: l.Addr().String(), CalledAETitle: "MOODY", Dialer: &dimse.Dialer{CallingAETitle: "TEST",
		Timeouts: dimse.Timeouts{Connect: within, Request: within, Response: within}}}
}

const (
	ctImage      = "1.2.840.10008.5.1.4.1.1.2"
	refusedClass = "1.2.840.10008.5.1.4.1.1.1000"
)

// Everything that can be sent is found and sent, everything else is named.
func TestFind_AndSend(t *testing.T) {
	dir := t.TempDir()
	file := func(name, class, uid string) string { return smallFile(t, filepath.Join(dir, name), class, uid) }
	a, noUID, noClass, b := file("a", ctImage, "1.2.1"), file("no-uid", ctImage, ""),
		file("no-class", "", "1.2.2"), file("b", ctImage, "1.2.3")
	directory, text, missing := file("directory", mediaDirectory, "1.2.9"), filepath.Join(dir, "text"), filepath.Join(dir, "missing")
	if err := os.WriteFile(text, []byte("not DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	linked := filepath.Join(t.TempDir(), "linked")
	if err := os.Symlink(dir, linked); err != nil {
		t.Fatal(err)
	}
	folder := []string{"directory", "no-class missed", "no-uid missed", "text"}
	for name, c := range map[string]struct {
		paths  []string
		stored string
		left   []string // by name, with "missed" for what should have been sent
	}{
		"all good":           {[]string{a, b}, "1.2.1 1.2.3", nil},
		"one lacks a UID":    {[]string{noUID, a, b}, "1.2.1 1.2.3", []string{"no-uid missed"}},
		"the last does":      {[]string{a, b, noClass}, "1.2.1 1.2.3", []string{"no-class missed"}},
		"one is no DICOM":    {[]string{a, text, b}, "1.2.1 1.2.3", []string{"text missed"}},
		"one is no instance": {[]string{a, directory}, "1.2.1", []string{"directory missed"}},
		"one is not there":   {[]string{a, missing, b}, "1.2.1 1.2.3", []string{"missing missed"}},
		"a folder of all":    {[]string{dir}, "1.2.1 1.2.3", folder},
		"a link to it":       {[]string{linked}, "1.2.1 1.2.3", folder},
	} {
		t.Run(name, func(t *testing.T) {
			files, left := Find(c.paths)
			var got []string
			for _, l := range left {
				text := filepath.Base(l.Path)
				if l.Missed {
					text += " missed"
				}
				if strings.Contains(l.Err.Error(), dir) {
					t.Errorf("the error repeats the path: %v", l.Err)
				}
				got = append(got, text)
			}
			if !slices.Equal(got, c.left) {
				t.Errorf("left %q, want %q", got, c.left)
			}
			m, to := startMoody(t, func(string) bool { return false })
			err := to.Send(t.Context(), files, func(f File, refusal error) {
				if refusal != nil {
					t.Errorf("%s: %v", f.Path, refusal)
				}
			})
			if got := strings.Join(m.stored, " "); err != nil || got != c.stored {
				t.Errorf("stored %q, want %q; %v", got, c.stored, err)
			}
		})
	}
}

// A file at which the peer ends the association costs that file; a peer that ends every one is given up.
func TestSend_AssociationEnds(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for i := range 6 {
		paths = append(paths, smallFile(t, filepath.Join(dir, fmt.Sprint(i)), ctImage, fmt.Sprintf("1.2.%d", i)))
	}
	files, _ := Find(paths)
	for name, c := range map[string]struct {
		hangsUp func(string) bool
		stored  string
		told    int
		good    bool
	}{
		"at the third":   {func(uid string) bool { return uid == "1.2.2" }, "1.2.0 1.2.1 1.2.3 1.2.4 1.2.5", 6, true},
		"at the first":   {func(uid string) bool { return uid == "1.2.0" }, "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5", 6, true},
		"at the last":    {func(uid string) bool { return uid == "1.2.5" }, "1.2.0 1.2.1 1.2.2 1.2.3 1.2.4", 6, true},
		"at every one":   {func(string) bool { return true }, "", 3, false},
		"at all but one": {func(uid string) bool { return uid != "1.2.1" }, "1.2.1", 6, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, to := startMoody(t, c.hangsUp)
			told, stored := 0, 0
			err := to.Send(t.Context(), files, func(f File, refusal error) {
				told++
				if refusal == nil {
					stored++
				}
			})
			if got := strings.Join(m.stored, " "); got != c.stored || (err == nil) != c.good || told != c.told || stored != len(m.stored) {
				t.Errorf("stored %q, want %q; told of %d, want %d, %d of them stored; %v", got, c.stored, told, c.told, stored, err)
			}
		})
	}
}

// More pairs of class and syntax than an association has contexts go over several.
func TestSend_ManyClasses(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		class := fmt.Sprintf("1.2.840.10008.5.1.4.1.1.%d", i+1)
		smallFile(t, filepath.Join(dir, fmt.Sprint(i)), class, fmt.Sprintf("1.2.%d", i))
	}
	files, _ := Find([]string{dir})
	m, to := startMoody(t, func(string) bool { return false })
	if err := to.Send(t.Context(), files, func(File, error) {}); err != nil || len(m.stored) != 300 {
		t.Errorf("%d of 300 stored, %v", len(m.stored), err)
	}
}

// A class that the peer does not accept, and a file that went away, cost that file alone.
func TestSend_Refused(t *testing.T) {
	dir := t.TempDir()
	smallFile(t, filepath.Join(dir, "a"), ctImage, "1.2.1")
	gone := smallFile(t, filepath.Join(dir, "b"), ctImage, "1.2.2")
	smallFile(t, filepath.Join(dir, "c"), refusedClass, "1.2.3")
	files, _ := Find([]string{dir})
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	m, to := startMoody(t, func(string) bool { return false })
	var told []string
	err := to.Send(t.Context(), files,
		func(f File, refusal error) { told = append(told, fmt.Sprint(filepath.Base(f.Path), ": ", refusal)) })
	want := []string{"a: <nil>", "b: no such file or directory", "c: the node does not accept its SOP class in its transfer syntax"}
	if err != nil || !slices.Equal(told, want) || !slices.Equal(m.stored, []string{"1.2.1"}) {
		t.Errorf("%q, stored %q, %v; want %q", told, m.stored, err, want)
	}
}

func TestEcho(t *testing.T) {
	_, to := startMoody(t, nil)
	if err := to.Echo(t.Context()); err != nil {
		t.Error(err)
	}
	to.Address = "127.0.0.1:1"
	if err := to.Echo(t.Context()); err == nil || !strings.Contains(err.Error(), `associate with "MOODY" at 127.0.0.1:1`) {
		t.Errorf("nobody there: %v", err)
	}
}

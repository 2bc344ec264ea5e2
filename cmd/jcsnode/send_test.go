package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

// smallFile writes a DICOM file of a few elements; an empty UID is left out.
func smallFile(t *testing.T, path, class, uid string) string {
	t.Helper()
	var b bytes.Buffer
	if err := dataset.WriteMeta(&b, dataset.Meta{SOPClassUID: class, SOPInstanceUID: uid, TransferSyntaxUID: dataset.ExplicitVRLittleEndian, ImplementationClassUID: "2.25.1"}); err != nil {
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

func startMoody(t *testing.T, hangsUp func(uid string) bool) (*moody, target) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &moody{hangsUp: hangsUp, listener: &lastListener{Listener: l}}
	s := &dimse.Server{Handler: m, Logger: slog.New(slog.DiscardHandler), Accept: func(_ dimse.Requestor, _ string, offered []string) (string, byte) { return offered[0], 0 }}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, m.listener) }()
	t.Cleanup(func() { cancel(); <-done })
	return m, target{to: l.Addr().String(), called: "MOODY", calling: "TEST", timeout: 10 * time.Second}
}

const ctImage = "1.2.840.10008.5.1.4.1.1.2"

// Everything that can be sent is sent, everything else is named, and the exit code tells.
func TestSend_SendsWhatItCan(t *testing.T) {
	dir := t.TempDir()
	file := func(name, class, uid string) string { return smallFile(t, filepath.Join(dir, name), class, uid) }
	a, noUID, noClass, b := file("a", ctImage, "1.2.1"), file("no-uid", ctImage, ""), file("no-class", "", "1.2.2"), file("b", ctImage, "1.2.3")
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not DICOM"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing")
	for name, c := range map[string]struct {
		args   []string
		stored string
		named  []string
		code   int
	}{
		"all good":           {[]string{a, b}, "1.2.1 1.2.3", nil, 0},
		"one lacks a UID":    {[]string{noUID, a, b}, "1.2.1 1.2.3", []string{noUID}, 1},
		"the last does":      {[]string{a, b, noClass}, "1.2.1 1.2.3", []string{noClass}, 1},
		"one is no DICOM":    {[]string{a, text, b}, "1.2.1 1.2.3", []string{text}, 1},
		"one is not there":   {[]string{a, missing, b}, "1.2.1 1.2.3", []string{missing}, 1},
		"a folder of all":    {[]string{dir}, "1.2.1 1.2.3", []string{noUID, noClass, text}, 1},
		"nothing to be sent": {[]string{noUID, missing}, "", []string{noUID, missing}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, to := startMoody(t, func(string) bool { return false })
			var said bytes.Buffer
			cmd := root()
			cmd.SetErr(&said)
			cmd.SetArgs(append([]string{"send", "--to", to.to, "--called", to.called}, c.args...))
			err := cmd.ExecuteContext(t.Context())
			if got := strings.Join(m.stored, " "); got != c.stored || (err != nil) != (c.code != 0) {
				t.Errorf("stored %q, %v; want %q, exit code %d", got, err, c.stored, c.code)
			}
			for _, path := range c.named {
				if strings.Count(said.String(), path+":") != 1 {
					t.Errorf("%s is not named once:\n%s", path, said.String())
				}
			}
		})
	}
}

// A file at which the peer ends the association costs that file; a peer that ends every one is given up.
func TestSend_AssociationEnds(t *testing.T) {
	dir := t.TempDir()
	var files []string
	for i := range 6 {
		files = append(files, smallFile(t, filepath.Join(dir, fmt.Sprint(i)), ctImage, fmt.Sprintf("1.2.%d", i)))
	}
	found, _ := gather(files, io.Discard)
	for name, c := range map[string]struct {
		hangsUp func(string) bool
		stored  string
		code    bool
	}{
		"at the third":   {func(uid string) bool { return uid == "1.2.2" }, "1.2.0 1.2.1 1.2.3 1.2.4 1.2.5", true},
		"at the first":   {func(uid string) bool { return uid == "1.2.0" }, "1.2.1 1.2.2 1.2.3 1.2.4 1.2.5", true},
		"at the last":    {func(uid string) bool { return uid == "1.2.5" }, "1.2.0 1.2.1 1.2.2 1.2.3 1.2.4", true},
		"at every one":   {func(string) bool { return true }, "", false},
		"at all but one": {func(uid string) bool { return uid != "1.2.1" }, "1.2.1", false},
	} {
		t.Run(name, func(t *testing.T) {
			m, to := startMoody(t, c.hangsUp)
			err := send(t.Context(), to, found, io.Discard)
			var code exitCode
			if got := strings.Join(m.stored, " "); got != c.stored || err == nil || errors.As(err, &code) != c.code {
				t.Errorf("stored %q, want %q; %v", got, c.stored, err)
			}
		})
	}
}

// More pairs of class and syntax than an association has contexts go over several.
func TestSend_ManyClasses(t *testing.T) {
	var all []instance
	dir := t.TempDir()
	for i := range 300 {
		class := fmt.Sprintf("1.2.840.10008.5.1.4.1.1.%d", i+1)
		smallFile(t, filepath.Join(dir, fmt.Sprint(i)), class, fmt.Sprintf("1.2.%d", i))
	}
	all, _ = gather([]string{dir}, io.Discard)
	m, to := startMoody(t, func(string) bool { return false })
	if err := send(t.Context(), to, all, io.Discard); err != nil || len(m.stored) != 300 {
		t.Errorf("%d of 300 stored, %v", len(m.stored), err)
	}
}

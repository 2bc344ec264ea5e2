package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse/secure/securetest"
)

// dcmtkAt runs a program of DCMTK against a port of this machine and says whether it succeeded.
func dcmtkAt(t *testing.T, name string, port int, options []string, files ...string) (string, bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	args := slices.Concat(options, []string{"-aet", "CT1", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(port)}, files)
	out, err := exec.CommandContext(ctx, tool(t, name), args...).CombinedOutput()
	return string(out), err == nil
}

// A node with both ports, and DCMTK with good and bad certificates at that of TLS.
func TestTLS_DCMTK(t *testing.T) {
	t.Parallel()
	ours, theirs := securetest.NewAuthority(t, "ours"), securetest.NewAuthority(t, "theirs")
	later, past := time.Now().Add(10*time.Hour), time.Now().Add(-time.Hour)
	certificate, key := ours.Issue("node", later)
	port := freePort(t)
	l := newLabWith(t, exactNetworks(t),
		fmt.Sprintf("[tls]\nlisten = \"127.0.0.1:%d\"\ncertificate = %q\nkey = %q\nclient_ca = %q\n", port, certificate, key, ours.File),
		"[[peer]]\nae_title = \"CT1\"\ncertificate = \"CT1.Hospital\"\n", "[[peer]]\nae_title = \"JCSNODE\"\nnetwork = \"127.0.0.1\"\n")
	if out := jcsnode(t, "check", "--config", l.config); !strings.Contains(out, `TLS on 127.0.0.1`) ||
		!strings.Contains(out, `"node", which expires`) {
		t.Errorf("check does not tell of the certificate:\n%s", out)
	}
	l.serve(t)
	with := func(a *securetest.Authority, name string, expires time.Time) []string {
		certificate, key := a.Issue(name, expires)
		return []string{"+tls", key, certificate, "+cf", ours.File}
	}
	for _, c := range []struct {
		name    string
		options func() []string
		port    int
		good    bool
	}{
		{"our certificate", func() []string { return with(ours, "ct1.hospital", later) }, port, true},
		{"TLS 1.2 by the extended profile", func() []string { return append(with(ours, "ct1.hospital", later), "+pz") }, port, true},
		{"certificate of another name", func() []string { return with(ours, "ct2.hospital", later) }, port, false},
		{"other authority", func() []string { return with(theirs, "ct1.hospital", later) }, port, false},
		{"expired", func() []string { return with(ours, "ct1.hospital", past) }, port, false},
		{"no certificate", func() []string { return []string{"+tla", "+cf", ours.File} }, port, false},
		{"node of an unknown authority",
			func() []string { return append(with(ours, "ct1.hospital", later)[:3], "+cf", theirs.File) }, port, false},
		{"plain at the TLS port", func() []string { return nil }, port, false},
		{"bound to a certificate, at the plain port", func() []string { return nil }, l.port, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out, ok := dcmtkAt(t, "echoscu", c.port, c.options()); ok != c.good {
				t.Errorf("echoscu succeeded: %v, want %v\n%s", ok, c.good, out)
			}
		})
	}
	good := with(ours, "ct1.hospital", later)
	files, _ := filepath.Glob(filepath.Join(someSlices(t, 3), "*.dcm"))
	if out, ok := dcmtkAt(t, "storescu", port, append(slices.Clone(good), "-xs"), files...); !ok {
		t.Errorf("storescu: %s", out)
	}

	before := shownSerial(t, port)
	ours.Issue("node", later.Add(time.Hour))
	os.Chtimes(certificate, time.Now().Add(time.Second), time.Now().Add(time.Second))
	if after := shownSerial(t, port); after == before || after == "" {
		t.Errorf("serial %q before and %q after new files were put in place", before, after)
	}
	if out, ok := dcmtkAt(t, "echoscu", port, good); !ok {
		t.Errorf("after the new certificate: %s", out)
	}
	text, err := os.ReadFile(l.node.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"listening for TLS", `"names":["node","127.0.0.1"]`, "must prove the name", "are used from now on", "TLS certificate expires soon",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

// shownSerial is the serial number of the certificate that the port shows.
func shownSerial(t *testing.T, port int) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "bash", "-c",
		fmt.Sprintf("%s s_client -connect 127.0.0.1:%d </dev/null 2>/dev/null | openssl x509 -noout -serial",
			tool(t, "openssl"), port)).Output()
	if err != nil {
		t.Fatalf("openssl: %v", err)
	}
	return string(out)
}

// Objects go to a PACS that speaks TLS and wants to see our certificate.
func TestTLS_ObjectsToStorescp(t *testing.T) {
	t.Parallel()
	ca := securetest.NewAuthority(t, "ca")
	certificate, key := ca.Issue("pacs", time.Now().Add(time.Hour))
	mine, mineKey := ca.Issue("node", time.Now().Add(time.Hour))
	port := freePort(t)
	dir := t.TempDir()
	start(t, exec.Command(tool(t, "storescp"), "+tls", key, certificate, "+cf", ca.File, "-od", dir, fmt.Sprint(port)),
		filepath.Join(dir, "storescp.log"))
	l := newLabWith(t, exactNetworks(t), destination("pacs", "PACS", port)+
		fmt.Sprintf("tls = true\nca = %q\ncertificate = %q\nkey = %q\n", ca.File, mine, mineKey), "[settle]\nquiet = \"1s\"")
	l.serve(t)
	phantom := filepath.Join(dir, "phantom")
	jcsnode(t, "phantom", "--out", phantom, "--slices", "8")
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", phantom)
	eventually(t, 2*time.Minute, "an object at the PACS", func() bool {
		got, _ := filepath.Glob(filepath.Join(dir, "SC*"))
		return len(got) > 0
	})
}

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"jcsnode/models"
)

// checked runs check and serve on the configuration of a lab: what one refuses, the other must refuse. It returns what check said.
func checked(t *testing.T, l *lab, good bool) string {
	t.Helper()
	out, err := program(t.Context(), "check", "--config", l.config).CombinedOutput()
	if (err == nil) != good {
		t.Errorf("check: %v, want good: %v\n%s", err, good, out)
	}
	if !good {
		if said, err := program(t.Context(), "serve", "--config", l.config).CombinedOutput(); err == nil {
			t.Errorf("serve took what check refused:\n%s", tail(said, 2000))
		}
	}
	return string(out)
}

func replaceIn(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, change(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_TriesWhatServeDoes(t *testing.T) {
	network := func(name string, change func([]byte) []byte) func(*testing.T, *lab, string) {
		return func(t *testing.T, _ *lab, dir string) { replaceIn(t, filepath.Join(dir, name), change) }
	}
	flip := func(data []byte) []byte { data[len(data)/2] ^= 1; return data }
	cut := func(data []byte) []byte { return data[:len(data)/2] }
	config := func(before, after string) func(*testing.T, *lab, string) {
		return func(t *testing.T, l *lab, _ string) { l.change(t, before, after) }
	}
	all := func(changes ...func(*testing.T, *lab, string)) func(*testing.T, *lab, string) {
		return func(t *testing.T, l *lab, dir string) {
			for _, change := range changes {
				change(t, l, dir)
			}
		}
	}
	manifestNames := func(t *testing.T, _ *lab, dir string) { // the sha256 of what lies there
		m, err := models.ReadManifest(dir)
		if err != nil {
			t.Fatal(err)
		}
		replaceIn(t, filepath.Join(dir, models.ManifestName), func(text []byte) []byte {
			return []byte(strings.ReplaceAll(string(text), m.Segmenter.StatedSHA256, m.Segmenter.SHA256))
		})
	}
	for _, c := range []struct {
		name  string
		spoil func(*testing.T, *lab, string)
		good  bool
		says  []string
	}{
		{"nothing", func(*testing.T, *lab, string) {}, true, []string{"networks run on cpu", "kernels"}},
		{"a flipped byte", network("glass.onnx", flip), false,
			[]string{"models.dir: segmenter", "not the file that manifest.toml describes", `models.altered = "allow"`}},
		{"a flipped byte, allowed", all(
			network("classifier.onnx", func(d []byte) []byte { return append(d, 0x7a, 0) }),
			config("[models]", "[models]\naltered = \"allow\"")), true,
			[]string{"altered"}},
		{"half a network", network("glass.onnx", cut), false,
			[]string{"models.dir: segmenter", "not the file"}},
		{"half a network that the manifest names", all(network("glass.onnx", cut), manifestNames), false,
			[]string{"models.dir: ", "glass.onnx: load"}},
		{"another network", func(t *testing.T, l *lab, dir string) {
			graph, err := os.ReadFile("../../models/testdata/output_name.onnx")
			if err != nil {
				t.Fatal(err)
			}
			network("glass.onnx", func([]byte) []byte { return graph })(t, l, dir)
			manifestNames(t, l, dir)
		}, false, []string{"breaks the contract"}},
		{"no network", func(t *testing.T, _ *lab, dir string) {
			if err := os.Remove(filepath.Join(dir, "glass.onnx")); err != nil {
				t.Fatal(err)
			}
		}, false, []string{"models.dir: ", "glass.onnx", "put the network there"}},
		{"no GPU", config("[models]", "[models]\ndevice = \"cuda\""), false, []string{"models.device: cuda: no NVIDIA driver found"}},
		{"a library that is none", func(t *testing.T, l *lab, dir string) {
			path := filepath.Join(l.dir, "library.so")
			if err := os.WriteFile(path, []byte("text"), 0o644); err != nil {
				t.Fatal(err)
			}
			l.change(t, "[models]", fmt.Sprintf("[models]\nlibrary = %q", path))
		}, false, []string{"models.library: ONNX Runtime library", "library.so"}},
		{"another library", func(t *testing.T, l *lab, dir string) {
			found, err := filepath.Glob("/lib*/*/libm.so.6")
			if err != nil || len(found) == 0 {
				t.Skip("skipped, needs libm.so.6")
			}
			l.change(t, "[models]", fmt.Sprintf("[models]\nlibrary = %q", found[0]))
		}, false, []string{"is no ONNX Runtime library"}},
		{"a busy port", func(t *testing.T, l *lab, _ string) {
			socket, err := net.Listen("tcp", l.address())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { socket.Close() })
		}, false, []string{"node.listen: listen on 127.0.0.1:", "another program has this port"}},
		{"an address of another machine", func(t *testing.T, l *lab, _ string) {
			l.change(t, l.address(), fmt.Sprintf("192.0.2.1:%d", l.port)) // TEST-NET-1, RFC 5737
		}, false, []string{"node.listen: ", "no network interface of this machine has that address"}},
		{"a ledger that is none", func(t *testing.T, l *lab, _ string) {
			if err := os.Mkdir(filepath.Join(l.dir, "data"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(l.dir, "data", "ledger.db"), []byte(strings.Repeat("text ", 1000)), 0o644); err != nil {
				t.Fatal(err)
			}
		}, false, []string{"node.data_dir: open ledger", "it is damaged"}},
		{"several", all(network("glass.onnx", flip),
			config("[models]", "[[destination]]\nname = \"pacs\"\nae_title = \"PACS\"\naddress = \"pacs\"\n[models]")), false,
			[]string{"models.dir: segmenter", "destination[1].address", "2 mistakes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := glassNetworks(t)
			l := newLabWith(t, dir)
			c.spoil(t, l, dir)
			out := checked(t, l, c.good)
			for _, says := range c.says {
				if !strings.Contains(out, says) {
					t.Errorf("check does not say %q:\n%s", says, out)
				}
			}
		})
	}
}

// The ports are taken because the node runs: that is no mistake, and it is said.
func TestCheck_BesideTheNode(t *testing.T) {
	l := newLabWith(t, glassNetworks(t))
	l.serve(t)
	out := checked(t, l, true)
	for _, says := range []string{"is good", "a node works on this data_dir now", "is taken, by that node as it seems"} {
		if !strings.Contains(out, says) {
			t.Errorf("check does not say %q:\n%s", says, out)
		}
	}
	if program(t.Context(), "echo", "--to", l.address(), "--called", "JCSNODE").Run() != nil {
		t.Error("the node does not answer after the check")
	}
}

// What another user owns: as root the check cannot see that the service cannot write, so it says whose the folder is.
func TestCheck_AsTheServicesUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped, needs root, to become another user")
	}
	const nobody = 65534
	dir, err := os.MkdirTemp("", "jcsnode-check-*") // the test's own is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	library, err := models.Find("", models.DeviceCPU)
	if err != nil {
		absent(t, err.Error())
	}
	networks := filepath.Join(dir, "models")
	for _, err := range []error{
		os.Chmod(dir, 0o755),
		os.CopyFS(networks, os.DirFS(glassNetworks(t))),
		os.MkdirAll(filepath.Join(dir, "data", "inbox", "study"), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(library)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "library.so"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.toml")
	text := fmt.Sprintf("[node]\nlisten = \"127.0.0.1:%d\"\nreserve = \"0\"\n"+
		"[models]\ndir = \"models\"\ndevice = \"cpu\"\nlibrary = \"library.so\"\n",
		freePort(t))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	check := func(user uint32) (string, error) {
		cmd := exec.CommandContext(t.Context(), "/proc/self/exe", "check", "--config", path)
		cmd.Env = append(os.Environ(), "JCSNODE_AS_PROGRAM=1", "HOME="+dir)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	own := func(paths ...string) {
		for _, p := range paths {
			if err := os.Chown(filepath.Join(dir, p), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	expect := func(step string, user uint32, good bool, says string) {
		t.Helper()
		out, err := check(user)
		if (err == nil) != good || !strings.Contains(out, says) {
			t.Errorf("%s: %v, want good: %v, %q\n%s", step, err, good, says, out)
		}
	}
	expect("data_dir of root", nobody, false, "node.data_dir: cannot write to")
	own("data")
	expect("inbox of root", nobody, false, "inbox cannot be written by")
	own("data/inbox")
	expect("folder of a study of root", nobody, false, "study cannot be written by")
	own("data/inbox/study")
	expect("all its own", nobody, true, "is good")
	expect("asked by root", 0, true, "and this check ran as root")
	for _, name := range []string{"data/ledger.db.lock", "data/ledger.db"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		expect(name+" of root", nobody, false, "run this as the user of the node")
		own(name)
		expect(name+" its own", nobody, true, "is good")
	}
}

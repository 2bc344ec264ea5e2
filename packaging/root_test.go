//go:build packages

package packaging

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// root is a folder with a Debian, without network.
type root string

// newRoot copies the Debian that debootstrap made once for this machine.
func newRoot(t *testing.T) root {
	t.Helper()
	for _, tool := range []string{"debootstrap", "unshare", "systemd-nspawn", "rpm"} {
		if _, err := exec.LookPath(tool); err != nil {
			cannot(t, err.Error())
		}
	}
	if os.Getuid() != 0 {
		cannot(t, "a Debian of its own needs root")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	bookworm := filepath.Join(cache, "jcsnode", "roots", "bookworm")
	if _, err := os.Stat(bookworm); err != nil {
		t.Log("debootstrap: once, a minute or two")
		work := bookworm + ".part"
		if err := os.RemoveAll(work); err != nil {
			t.Fatal(err)
		}
		// With what the package depends on, so that the tests need no network. Without systemd-timesyncd and the like.
		command(t, "debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,procps,libopenjp2-7,libstdc++6,ca-certificates",
			"bookworm", work, "http://deb.debian.org/debian")
		if err := root(work).slim(); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(work, bookworm); err != nil {
			t.Fatal(err)
		}
	}
	r := root(filepath.Join(t.TempDir(), "root"))
	command(t, "cp", "-a", "--reflink=auto", bookworm, string(r))
	return r
}

// slim makes the copies quick: without packages that are installed already, and without waiting for the disk.
func (r root) slim() error {
	for _, folder := range []string{"var/cache/apt/archives", "usr/share/locale", "usr/share/man", "usr/share/doc"} {
		if err := os.RemoveAll(r.path(folder)); err != nil {
			return err
		}
	}
	return os.WriteFile(r.path("etc/dpkg/dpkg.cfg.d/unsafe-io"), []byte("force-unsafe-io\n"), 0o644)
}

// cannot ends a test that this machine cannot run, which CI has to.
func cannot(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// command runs a program of this machine.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (r root) path(name string) string { return filepath.Join(string(r), name) }

// try runs a program in the root, with processes, ports and mounts of its own.
func (r root) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	in := append([]string{"--mount", "--pid", "--net", "--fork", "--mount-proc=" + r.path("proc"), "chroot"}, r.chroot(args)...)
	c := exec.CommandContext(t.Context(), "unshare", in...)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// chroot are the arguments of chroot: its options may lead those of the program.
func (r root) chroot(args []string) []string {
	n := 0
	for n < len(args) && strings.HasPrefix(args[n], "--") {
		n++
	}
	return append(append(append([]string{}, args[:n]...), string(r)), args[n:]...)
}

func (r root) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := r.try(t, args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// edit replaces a text that must be there.
func (r root) edit(t *testing.T, name, old, by string) {
	t.Helper()
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(old)) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(r.path(name), bytes.Replace(text, []byte(old), []byte(by), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r root) exists(name string) bool {
	_, err := os.Lstat(r.path(name))
	return err == nil
}

// boot starts the root's systemd, has it run a script of bash, and gives what that says. The script ends at its first error.
func (r root) boot(t *testing.T, script string) string {
	t.Helper()
	write := func(name, text string, mode os.FileMode) {
		if err := os.WriteFile(r.path(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("script", "#!/bin/bash\nexec >/said 2>&1\nset -ex\n"+script+"\ntouch /passed\n", 0o755)
	write("etc/systemd/system/script.service", `[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
Environment=HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
ExecStart=/script
TimeoutStartSec=10min
`, 0o644)
	wants := "etc/systemd/system/multi-user.target.wants"
	if err := os.MkdirAll(r.path(wants), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../script.service", r.path(wants+"/script.service")); err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network",
		"--console=pipe", fmt.Sprintf("--machine=jcsnode-test-%d", os.Getpid()), "--directory="+string(r), "systemd.unit=multi-user.target")
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 10 * time.Second
	console, err := c.CombinedOutput()
	said, readErr := os.ReadFile(r.path("said"))
	if readErr != nil {
		cannot(t, fmt.Sprintf("systemd does not start in a container here: %v\n%s", err, console))
	}
	if !r.exists("passed") {
		t.Fatalf("the script failed (%v):\n%s", err, said)
	}
	return string(said)
}

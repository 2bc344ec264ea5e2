//go:build packages

package packaging

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// built is the one file of dist/ with such a name.
func built(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob("../dist/" + pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("dist/%s: %q, want one file; packaging/build makes it", pattern, files)
	}
	return files[0]
}

// before is the package as an earlier version would have been.
func before(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	tree := root(filepath.Join(dir, "tree"))
	command(t, "dpkg-deb", "-R", built(t, "jcsnode_*.deb"), string(tree))
	version := strings.TrimSpace(command(t, "dpkg-deb", "-f", built(t, "jcsnode_*.deb"), "Version"))
	tree.edit(t, "DEBIAN/control", "Version: "+version, "Version: 0.3.0")
	deb := filepath.Join(dir, "before.deb")
	command(t, "dpkg-deb", "-Znone", "-b", string(tree), deb)
	return deb
}

// put copies a package into the root.
func put(t *testing.T, r root, deb, name string) {
	t.Helper()
	command(t, "cp", deb, r.path("root/"+name))
}

const asService = "runuser -u jcsnode -- "

// TestDeb installs, runs, upgrades and removes the package where no systemd runs, as an image of a machine is made.
func TestDeb(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	put(t, r, before(t), "before.deb")
	put(t, r, built(t, "jcsnode_*.deb"), "jcsnode.deb")

	out := r.run(t, "apt-get", "install", "-y", "/root/before.deb")
	if !strings.Contains(out, "systemctl enable --now jcsnode") {
		t.Errorf("the installation does not say what comes next:\n%s", out)
	}
	for name, want := range map[string]string{
		"/var/lib/jcsnode":         "jcsnode:jcsnode 750",
		"/etc/jcsnode/config.toml": "root:root 644",
		"/usr/bin/jcsnode":         "root:root 755",
		"/usr/sbin/jcsnode-check":  "root:root 755",
	} {
		if got := strings.TrimSpace(r.run(t, "stat", "-c", "%U:%G %a", name)); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	r.run(t, "systemd-analyze", "security", "--offline=true", "--threshold=30", "jcsnode.service")
	if out := r.run(t, "systemd-analyze", "verify", "jcsnode.service"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	r.run(t, "bash", "-n", "/usr/share/bash-completion/completions/jcsnode")

	r.edit(t, "etc/jcsnode/config.toml", `":11112"`, `":104"`)
	out = r.run(t, "jcsnode-check")
	for _, want := range []string{"/etc/jcsnode/config.toml is good", "data in /var/lib/jcsnode", "networks run on cpu", "trained"} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	r.run(t, "sh", "-c", "cd /var/lib/jcsnode && "+asService+"jcsnode phantom --out phantom --slices 6 --lesions && "+
		asService+"jcsnode run phantom --out result")
	if !r.exists("var/lib/jcsnode/result/findings.json") {
		t.Error("the user's study has no findings")
	}

	r.run(t, "apt-get", "install", "-y", "/root/jcsnode.deb")
	text, err := os.ReadFile(r.path("etc/jcsnode/config.toml"))
	if err != nil || !strings.Contains(string(text), `listen = ":104"`) {
		t.Errorf("the upgrade lost what the site wrote: %v", err)
	}
	if out := r.run(t, "jcsnode", "version"); strings.Contains(out, "not found") {
		t.Errorf("version after the upgrade:\n%s", out)
	}

	r.run(t, "apt-get", "remove", "-y", "jcsnode")
	if r.exists("usr/bin/jcsnode") || !r.exists("etc/jcsnode/config.toml") || !r.exists("var/lib/jcsnode/result") {
		t.Error("remove has to take the program, and neither configuration nor data")
	}
	if err := os.WriteFile(r.path("etc/jcsnode/ris.secret"), []byte("the site's"), 0o600); err != nil {
		t.Fatal(err)
	}
	out = r.run(t, "apt-get", "purge", "-y", "jcsnode")
	for _, kept := range []string{"/var/lib/jcsnode", "/etc/jcsnode"} {
		if !strings.Contains(out, kept+" stays") {
			t.Errorf("purge does not name %s, which stays:\n%s", kept, out)
		}
	}
	if r.exists("etc/jcsnode/config.toml") || !r.exists("var/lib/jcsnode/result") || !r.exists("etc/jcsnode/ris.secret") {
		t.Error("purge has to take the configuration of the package, and nothing of the site")
	}
}

// TestUnit runs the package under systemd: a study by port 104 within the sandbox, the end of the process, upgrade and removal.
func TestUnit(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	put(t, r, before(t), "before.deb")
	put(t, r, built(t, "jcsnode_*.deb"), "jcsnode.deb")
	said := r.boot(t, `
no() { ! "$@"; } # bash goes on after a bare "!"
apt-get install -y /root/before.deb
no systemctl is-enabled jcsnode
sed -i 's/^listen = ":11112" /listen = ":104" /' /etc/jcsnode/config.toml
cat >>/etc/jcsnode/config.toml <<END
[settle]
quiet = "1s"
[web]
listen = "127.0.0.1:8080"
auth = "local"
users_file = "users"
[metrics]
listen = "127.0.0.1:9112"
END
echo correct horse | jcsnode user add ann
stat -c '%U %a %n' /etc/jcsnode/users
jcsnode-check
mkdir /etc/systemd/system/jcsnode.service.d
printf '[Service]\nRestartSec=1s\n' >/etc/systemd/system/jcsnode.service.d/test.conf
systemctl enable --now jcsnode
# systemd knows when the node answers.
jcsnode echo --to 127.0.0.1:104 --called JCSNODE
systemctl show -P StatusText jcsnode
# ask PORT REQUEST FORM
ask() {
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf '%s HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n' "$2" >&3
  printf 'Content-Length: %d\r\n\r\n%s' ${#3} "$3" >&3
  timeout 20 cat <&3
  exec 3>&-
}
ask 8080 'POST /login' 'name=ann&password=correct+horse' | grep 'Set-Cookie'
ask 9112 'GET /readyz' '' | grep 'HTTP/1.0 200'
jcsnode phantom --out /tmp/phantom --slices 6 --lesions
jcsnode send --to 127.0.0.1:104 --called JCSNODE /tmp/phantom
until jcsnode status | grep reported; do sleep 0.5; done
cd /root # where its user may not look
runuser -u jcsnode -- jcsnode status | grep reported
stat -c '%U %a %n' /var/lib/jcsnode/ledger.db /var/cache/jcsnode
pid() { systemctl show -P MainPID jcsnode; }
grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/$(pid)/status

# A reload takes what the file says, and nothing of one with a mistake.
printf '[[peer]]\nae_title = "CT2"\n' >>/etc/jcsnode/config.toml
old=$(pid)
systemctl reload jcsnode
until journalctl -u jcsnode | grep 'peer.*CT2.*added'; do sleep 0.3; done
jcsnode echo --to 127.0.0.1:104 --called JCSNODE --calling CT2
no jcsnode echo --to 127.0.0.1:104 --called JCSNODE --calling CT3
echo unknown = 1 >>/etc/jcsnode/config.toml
systemctl reload jcsnode
until journalctl -u jcsnode | grep 'configuration not reloaded'; do sleep 0.3; done
sed -i '/^unknown/d; s/^ae_title = "CT2"/network = "127.0.0.1"/' /etc/jcsnode/config.toml
systemctl reload jcsnode
[[ $(pid) == "$old" ]]

answers() { until jcsnode echo --to 127.0.0.1:104 --called JCSNODE; do sleep 0.3; done; }
kill -9 $old
answers
[[ $(pid) != "$old" ]]

old=$(pid)
apt-get install -y /root/jcsnode.deb
jcsnode echo --to 127.0.0.1:104 --called JCSNODE
[[ $(pid) != "$old" ]]
systemctl is-active jcsnode
grep 'listen = ":104"' /etc/jcsnode/config.toml
jcsnode status | grep reported

apt-get purge -y jcsnode
no systemctl is-active jcsnode
no systemctl is-enabled jcsnode
[[ -e /var/lib/jcsnode/ledger.db && ! -e /var/cache/jcsnode && ! -e /etc/jcsnode/config.toml ]]
`)
	for _, want := range []string{"jcsnode 640 /var/lib/jcsnode/ledger.db", "jcsnode 750 /var/cache/jcsnode",
		"jcsnode 600 /etc/jcsnode/users",
		"JCSNODE receives on :104", "CapEff:\t0000000000000400", "NoNewPrivs:\t1", "Seccomp:\t2"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in:\n%s", want, said)
		}
	}
}

// TestRPM installs, updates and removes the package by rpm, which runs its scripts, in a Debian: there is no RHEL here, so what the
// package requires is compared with what its files are linked to.
func TestRPM(t *testing.T) {
	r := newRoot(t)
	rpm := built(t, "jcsnode-[0-9]*.rpm")
	by := func(args ...string) string {
		return command(t, "rpm", append([]string{"--root", string(r), "--nodeps"}, args...)...)
	}
	by("--install", rpm)
	if out := r.run(t, "jcsnode-check"); !strings.Contains(out, "/etc/jcsnode/config.toml is good") {
		t.Errorf("check after the installation:\n%s", out)
	}
	r.edit(t, "etc/jcsnode/config.toml", `":11112"`, `":104"`)
	r.run(t, "touch", "/var/lib/jcsnode/study")
	by("--upgrade", "--force", rpm)
	r.run(t, "grep", ":104", "/etc/jcsnode/config.toml")
	if out := by("--erase", "jcsnode"); !strings.Contains(out, "/var/lib/jcsnode stays") {
		t.Errorf("the removal does not name the data, which stay:\n%s", out)
	}
	if r.exists("usr/bin/jcsnode") || !r.exists("var/lib/jcsnode/study") || !r.exists("etc/jcsnode/config.toml.rpmsave") {
		t.Error("the removal has to take the program, and nothing of the site")
	}
}

// TestRPM_Says reads what the package says of itself.
func TestRPM_Says(t *testing.T) {
	if _, err := exec.LookPath("rpm"); err != nil {
		cannot(t, err.Error())
	}
	rpm := built(t, "jcsnode-[0-9]*.rpm")
	files := strings.Fields(command(t, "rpm", "-qpl", rpm))
	for _, name := range []string{"/usr/bin/jcsnode", "/usr/lib/systemd/system/jcsnode.service", "/etc/jcsnode/config.toml",
		"/usr/share/jcsnode/models/manifest.toml", "/usr/share/jcsnode/prometheus/jcsnode.rules.yml",
		"/usr/share/jcsnode/grafana/jcsnode.json", "/usr/share/man/man1/jcsnode.1.gz",
		"/usr/lib/jcsnode/onnxruntime/cpu/libonnxruntime.so"} {
		if !slices.Contains(files, name) {
			t.Errorf("%s is not in the package", name)
		}
	}
	for _, folder := range []string{"/etc", "/usr", "/usr/bin", "/usr/lib", "/usr/lib/systemd/system", "/usr/share", "/usr/share/doc"} {
		if slices.Contains(files, folder) {
			t.Errorf("%s belongs to the system, and the package claims it", folder)
		}
	}
	if got := command(t, "rpm", "-qpc", rpm); got != "/etc/jcsnode/config.toml\n" {
		t.Errorf("configuration files: %q", got)
	}
	if flags := command(t, "rpm", "-qp", "--qf", "[%{FILENAMES} %{FILEFLAGS:fflags}\n]", rpm); !strings.Contains(flags,
		"/etc/jcsnode/config.toml cn") {
		t.Error("an upgrade would replace /etc/jcsnode/config.toml")
	}
	scripts := command(t, "rpm", "-qp", "--scripts", rpm)
	for _, want := range []string{"postinstall scriptlet", "preuninstall scriptlet", "postuninstall scriptlet", "useradd --system"} {
		if !strings.Contains(scripts, want) {
			t.Errorf("no %q in the scripts", want)
		}
	}
	requires := strings.Split(strings.TrimSpace(command(t, "rpm", "-qp", "--requires", rpm)), "\n")
	for _, want := range needs(t) {
		if !slices.Contains(requires, want) {
			t.Errorf("the package does not require %s, which its files are linked to; it requires %q", want, requires)
		}
	}
}

// needs are what program and library are linked to.
func needs(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	command(t, "dpkg-deb", "-x", built(t, "jcsnode_*.deb"), dir)
	return linked(t, filepath.Join(dir, "usr/bin/jcsnode"), filepath.Join(dir, "usr/lib/jcsnode/onnxruntime/cpu/libonnxruntime.so"))
}

// linked are what files are linked to, beside the parts of libc, as rpm names it: the newest version of each library.
func linked(t *testing.T, files ...string) []string {
	t.Helper()
	newest := map[string]string{}
	for _, name := range files {
		f, err := elf.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		symbols, err := f.ImportedSymbols()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range symbols {
			family, _, _ := strings.Cut(s.Version, "_")
			if family == "GLIBC" || family == "GLIBCXX" {
				key := map[string]string{"GLIBC": "libc.so.6", "GLIBCXX": "libstdc++.so.6"}[family]
				newest[key] = later(newest[key], s.Version)
			}
		}
		libraries, err := f.ImportedLibraries()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range libraries {
			if strings.HasPrefix(l, "libopenjp2") || strings.HasPrefix(l, "libgcc") {
				newest[l] = ""
			}
		}
	}
	var all []string
	for library, version := range newest {
		all = append(all, fmt.Sprintf("%s(%s)(64bit)", library, version))
	}
	return all
}

// later is the later of two versions such as GLIBC_2.34.
func later(a, b string) string {
	numbers := func(s string) (n [3]int) {
		_, digits, _ := strings.Cut(s, "_")
		fmt.Sscanf(digits, "%d.%d.%d", &n[0], &n[1], &n[2])
		return n
	}
	x, y := numbers(a), numbers(b)
	if slices.Compare(x[:], y[:]) >= 0 {
		return a
	}
	return b
}

// TestImage runs the image's root as its user, as an engine would.
func TestImage(t *testing.T) {
	if os.Getuid() != 0 {
		cannot(t, "chroot needs root")
	}
	r := unpackImage(t, built(t, "jcsnode-*-oci.tar"))
	out := r.run(t, "--userspec=65532:65532", "/usr/bin/jcsnode", "check")
	if !strings.Contains(out, "is good") || !strings.Contains(out, "data in /var/lib/jcsnode") {
		t.Errorf("check:\n%s", out)
	}
	version := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(built(t, "jcsnode-*-oci.tar")), "-linux-amd64-oci.tar"), "jcsnode-")
	if out := r.run(t, "--userspec=65532:65532", "/usr/bin/jcsnode", "version"); !strings.Contains(out, version+",") ||
		strings.Contains(out, "not found") {
		t.Errorf("version, want %s:\n%s", version, out)
	}
	if !r.exists("etc/ssl/certs/ca-certificates.crt") || !r.exists("var/lib/dpkg/status.d/libc6") {
		t.Error("the image lacks the authorities, or the list of its packages")
	}
}

//go:build packages

package packaging

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// accelerated is the package of OpenVINO, which `make packages-accelerators` makes beside the others.
func accelerated(t *testing.T, pattern string) string {
	t.Helper()
	if files, err := filepath.Glob("../dist/" + pattern); err != nil || len(files) == 0 {
		t.Skipf("dist/ has no %s; make packages-accelerators makes it", pattern)
	}
	return built(t, pattern)
}

// TestOpenVINO installs the package beside that of the node, which takes it and does without it again.
func TestOpenVINO(t *testing.T) {
	t.Parallel()
	deb := accelerated(t, "jcsnode-openvino_*.deb")
	r := newRoot(t)
	put(t, r, built(t, "jcsnode_*.deb"), "jcsnode.deb")
	put(t, r, deb, "openvino.deb")
	r.run(t, "apt-get", "install", "-y", "/root/jcsnode.deb")
	out := r.run(t, "apt-get", "install", "-y", "/root/openvino.deb")
	if !strings.Contains(out, "systemctl restart jcsnode") {
		t.Errorf("the installation does not say what comes next:\n%s", out)
	}
	if out := r.run(t, "systemd-analyze", "verify", "jcsnode.service"); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	r.run(t, "systemd-analyze", "security", "--offline=true", "--threshold=30", "jcsnode.service")
	cpu, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(cpu), "vnni") { // without it the node refuses OpenVINO
		r.edit(t, "etc/jcsnode/config.toml", "[models]", "[models]\ndevice = \"openvino\"")
		if out := r.run(t, "jcsnode-check"); !strings.Contains(out, "networks run on openvino") {
			t.Errorf("check with the package:\n%s", out)
		}
		r.edit(t, "etc/jcsnode/config.toml", "device = \"openvino\"\n", "")
	}
	r.run(t, "apt-get", "purge", "-y", "jcsnode-openvino")
	if r.exists("usr/lib/jcsnode/onnxruntime/openvino") || r.exists("usr/lib/systemd/system/jcsnode.service.d") {
		t.Error("the removal leaves something")
	}
	if out := r.run(t, "jcsnode-check"); !strings.Contains(out, "networks run on cpu") {
		t.Errorf("check without the package:\n%s", out)
	}
}

// TestOpenVINO_RPM installs it by rpm, and compares what it requires with what its files are linked to.
func TestOpenVINO_RPM(t *testing.T) {
	t.Parallel()
	rpm := accelerated(t, "jcsnode-openvino-*.rpm")
	r := newRoot(t)
	for _, one := range []string{built(t, "jcsnode-[0-9]*.rpm"), rpm} {
		command(t, "rpm", "--root", string(r), "--nodeps", "--install", one)
	}
	if out := r.run(t, "jcsnode", "version"); !strings.Contains(out, "/usr/lib/jcsnode/onnxruntime/openvino/") {
		t.Errorf("version with the package:\n%s", out)
	}
	requires := strings.Split(strings.TrimSpace(command(t, "rpm", "-qp", "--requires", rpm)), "\n")
	libraries, err := filepath.Glob(r.path("usr/lib/jcsnode/onnxruntime/openvino/*.so*"))
	if err != nil || len(libraries) == 0 {
		t.Fatal(err, libraries)
	}
	for _, want := range append(linked(t, libraries...), "jcsnode", "libz.so.1()(64bit)") {
		if !slices.Contains(requires, want) {
			t.Errorf("the package does not require %s; it requires %q", want, requires)
		}
	}
	command(t, "rpm", "--root", string(r), "--nodeps", "--erase", "jcsnode-openvino")
	if r.exists("usr/lib/jcsnode/onnxruntime/openvino") {
		t.Error("the removal leaves something")
	}
}

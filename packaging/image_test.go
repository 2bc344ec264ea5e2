//go:build packages

package packaging

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// descriptor names a blob of an OCI image layout.
type descriptor struct {
	MediaType string
	Digest    string
}

// unpackImage unpacks the layers of the one image of an archive, and looks at what an engine is told.
func unpackImage(t *testing.T, archive string) root {
	t.Helper()
	dir := t.TempDir()
	layout := root(filepath.Join(dir, "layout"))
	r := root(filepath.Join(dir, "root"))
	for _, folder := range []root{layout, r} {
		if err := os.Mkdir(string(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	command(t, "tar", "-C", string(layout), "-xf", archive)
	var index struct{ Manifests []descriptor }
	layout.read(t, "index.json", &index)
	if len(index.Manifests) != 1 {
		t.Fatalf("%d images, want 1", len(index.Manifests))
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	layout.read(t, blob(index.Manifests[0]), &manifest)
	var config struct {
		Config struct {
			User       string
			Entrypoint []string
			Volumes    map[string]struct{}
		}
	}
	layout.read(t, blob(manifest.Config), &config)
	if c := config.Config; c.User != "65532:65532" || strings.Join(c.Entrypoint, " ") != "/usr/bin/jcsnode" || len(c.Volumes) != 1 {
		t.Errorf("the image says %+v", c)
	}
	for _, layer := range manifest.Layers {
		if layer.MediaType != "application/vnd.oci.image.layer.v1.tar+gzip" {
			t.Errorf("a layer is %s", layer.MediaType)
		}
		command(t, "tar", "-C", string(r), "-xzpf", layout.path(blob(layer)))
	}
	return r
}

func blob(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func (r root) read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

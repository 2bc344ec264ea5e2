// Command image writes an OCI image of two folders, without an engine: what the base holds, then the program. The same folders and time
// give the same bytes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// user is whom the program runs as: one of the numbers that no system gives away.
const user = 65532

// data is the one folder that belongs to the user.
const data = "var/lib/jcsnode"

type order struct {
	base, root, out string
	version, commit string
	at              time.Time
}

func main() {
	var o order
	flag.StringVar(&o.base, "base", "", "`folder` with what the program needs of a system")
	flag.StringVar(&o.root, "root", "", "`folder` with the program as it is installed")
	flag.StringVar(&o.out, "out", "", "`file` to write: a tar of an OCI image layout")
	flag.StringVar(&o.version, "version", "", "version of the program")
	flag.StringVar(&o.commit, "commit", "", "commit that it was built from")
	epoch := flag.Int64("time", 0, "time of everything in the image, in `seconds` since 1970")
	flag.Parse()
	syscall.Umask(0o022) // the modes of the layout's files are in the archive
	o.at = time.Unix(*epoch, 0).UTC()
	if err := write(o); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func write(o order) error {
	img, err := build(o)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(o.out), ".image-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path, err := layout.Write(dir, mutate.IndexMediaType(empty.Index, types.OCIImageIndex))
	if err != nil {
		return err
	}
	if err := path.AppendImage(img, layout.WithPlatform(platform), layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": "jcsnode:" + tag(o.version), // what engines call it when they load the file
	})); err != nil {
		return err
	}
	f, err := os.Create(o.out)
	if err != nil {
		return err
	}
	if err := writeTar(f, dir, o.at); err != nil {
		f.Close()
		return fmt.Errorf("write %s: %w", o.out, err)
	}
	return f.Close()
}

var platform = v1.Platform{OS: "linux", Architecture: "amd64"}

// build is the image: the base first, which changes least.
func build(o order) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(img, &v1.ConfigFile{
		OS: platform.OS, Architecture: platform.Architecture, Created: v1.Time{Time: o.at},
		RootFS: v1.RootFS{Type: "layers"},
		Config: v1.Config{
			User:         fmt.Sprintf("%d:%d", user, user),
			Entrypoint:   []string{"/usr/bin/jcsnode"},
			Cmd:          []string{"serve", "--config", "/etc/jcsnode/config.toml"},
			Env:          []string{"PATH=/usr/bin:/bin"},
			WorkingDir:   "/" + data,
			Volumes:      map[string]struct{}{"/" + data: {}},
			ExposedPorts: map[string]struct{}{"11112/tcp": {}},
			StopSignal:   "SIGTERM",
			Labels: map[string]string{
				"org.opencontainers.image.title":       "jcsnode",
				"org.opencontainers.image.description": "DICOM node for chest CT. Research use only.",
				"org.opencontainers.image.version":     o.version,
				"org.opencontainers.image.revision":    o.commit,
				"org.opencontainers.image.licenses":    "Apache-2.0",
			},
		},
	})
	if err != nil {
		return nil, err
	}
	for _, part := range []struct{ dir, what string }{{o.base, "Debian packages"}, {o.root, "jcsnode " + o.version}} {
		layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
			r, w := io.Pipe()
			go func() { w.CloseWithError(writeTar(w, part.dir, o.at)) }()
			return r, nil
		}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressedCaching)
		if err != nil {
			return nil, fmt.Errorf("layer of %s: %w", part.dir, err)
		}
		img, err = mutate.Append(img, mutate.Addendum{
			Layer: layer, History: v1.History{Created: v1.Time{Time: o.at}, CreatedBy: part.what},
		})
		if err != nil {
			return nil, err
		}
	}
	return img, nil
}

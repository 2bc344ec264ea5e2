package access

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a new file the owner of the one that it replaces, as far as we may: root makes accounts for the service's user.
func keepOwner(path string, old fs.FileInfo) {
	if stat, ok := old.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		os.Chown(path, int(stat.Uid), int(stat.Gid)) // who cannot read it is told so at the next request
	}
}

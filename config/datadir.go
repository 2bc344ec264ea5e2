package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// LoadNode is [Load] for who runs the node, or asks whether it would run: the data folder must take what it receives.
func LoadNode(path string) (Config, error) {
	c, problems, err := checked(path)
	if err != nil {
		return c, err
	}
	if c.Node.DataDir != "" {
		problems = append(problems, checkDataDir(c.Node.DataDir, c.Node.Reserve)...)
	}
	if c.Store.Kind == StoreShared && c.Store.Path != "" {
		if at, err := nearestFolder(c.Store.Path); err != nil {
			problems = append(problems, "store.path: "+err.Error())
		} else if err := writable(at); err != nil {
			problems = append(problems, "store.path: "+err.Error())
		}
	}
	if len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// checkDataDir finds a folder that the service cannot write, or on whose disk there is never room.
func checkDataDir(dir string, reserve Size) Problems {
	at, err := nearestFolder(dir)
	if err == nil {
		err = writable(at)
	}
	if err != nil {
		return Problems{"node.data_dir: " + err.Error()}
	}
	disk, err := diskSize(at)
	if err != nil {
		return Problems{"node.data_dir: " + err.Error()}
	}
	return checkReserve(reserve, disk, dir)
}

// checkReserve compares the reserve with the whole disk. One that is short of room now may be freed, and reception then goes on.
func checkReserve(reserve, disk Size, dir string) Problems {
	if reserve == 0 || reserve < disk {
		return nil
	}
	const gb = 1 << 30
	return Problems{fmt.Sprintf("node.reserve: %.1f GB, and the whole disk of %s has %.1f GB, "+
		"so nothing would ever be received; leave some of it, such as \"2GB\"",
		float64(reserve)/gb, dir, float64(disk)/gb)}
}

// nearestFolder is the folder itself, or the nearest existing one in which it can be made.
func nearestFolder(dir string) (string, error) {
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		switch {
		case err == nil && !info.IsDir():
			return "", fmt.Errorf("%s is not a folder", d)
		case err == nil:
			return d, nil
		case d == filepath.Dir(d):
			return "", err
		}
	}
}

func writable(dir string) error {
	probe, err := os.CreateTemp(dir, ".jcsnode-check-*")
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%s is read only; look for faults of its disk in the log of the kernel, and mount it for writing", dir)
	}
	if err != nil {
		return fmt.Errorf("cannot write to %s; give the service's user the right to", dir)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// diskSize is how much the disk of the folder holds when it is empty.
func diskSize(dir string) (Size, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("size of the disk of %s: %w", dir, err)
	}
	return Size(s.Blocks) * Size(s.Bsize), nil
}

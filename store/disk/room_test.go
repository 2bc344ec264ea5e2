package disk

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Of a file system that is read only nothing is free, whatever it says, and the store tells why.
func TestRoomIn_ReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may mount a file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if r, err := RoomIn(dir, 1<<10); err != nil || r.ReadOnly || r.Spent() {
		t.Errorf("for writing: %+v, %v", r, err)
	}
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if r, err := RoomIn(dir, 1<<10); err != nil || !r.ReadOnly || r.Free != 0 || !r.Spent() || r.Lacks() != 0 {
		t.Errorf("read only: %+v, %v", r, err)
	}
}

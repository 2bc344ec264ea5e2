package pgtest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// programs is where Debian puts them.
const programs = "/usr/lib/postgresql/15/bin"

func installed(t testing.TB) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(programs, "initdb")); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("PostgreSQL is not installed (Debian: postgresql-15)")
	}
	t.Skip("skipped: PostgreSQL is not installed (Debian: postgresql-15)")
}

// server is a postmaster that is our child, and a shell beside it that waits for a word. When the test binary dies, even by SIGKILL, the
// shell reads the end of its input instead, stops the server and removes the folder.
type server struct {
	process *os.Process
	keeper  io.WriteCloser
	ended   chan struct{}
}

const keeper = `read -r word && exit
kill -s QUIT "$1"
i=0
while [ -e "$2/data/postmaster.pid" ] && [ $i -lt 100 ]; do sleep 0.1; i=$((i+1)); done
rm -rf "$2"`

func serve(dir string, port int) (*server, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd, err := command("postgres", "-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(port))
	if err != nil {
		return nil, err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{process: cmd.Process, ended: make(chan struct{})}
	keep := exec.Command("/bin/sh", "-c", keeper, "sh", strconv.Itoa(cmd.Process.Pid), dir)
	keep.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.keeper, err = keep.StdinPipe()
	if err == nil {
		err = keep.Start()
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, err
	}
	go func() {
		_ = cmd.Wait()                            // its state says nothing that the log does not
		_, _ = io.WriteString(s.keeper, "gone\n") // the pid may be another's from here on
		_ = keep.Wait()
		close(s.ended)
	}()
	return s, nil
}

func (s *server) stop(signal os.Signal) error {
	select {
	case <-s.ended:
		return nil
	default:
	}
	if err := s.process.Signal(signal); err != nil {
		return err
	}
	select {
	case <-s.ended:
		return nil
	case <-time.After(30 * time.Second):
		return fmt.Errorf("it still runs 30 s after %v", signal)
	}
}

// command runs a program of PostgreSQL, as the user postgres if we are root, whom PostgreSQL refuses. Ctrl-C is for the test binary alone.
func command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(filepath.Join(programs, name), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if os.Getuid() != 0 {
		return cmd, nil
	}
	uid, gid, err := owner()
	cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	return cmd, err
}

// give lets the user postgres write into a folder if we are root.
func give(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := owner()
	if err != nil {
		return err
	}
	return os.Chown(dir, int(uid), int(gid))
}

func owner() (uid, gid uint32, err error) {
	u, err := user.Lookup("postgres")
	if err != nil {
		return 0, 0, err
	}
	id, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, err
	}
	group, err := strconv.ParseUint(u.Gid, 10, 32)
	return uint32(id), uint32(group), err
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

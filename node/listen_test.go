package node

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestPortError(t *testing.T) {
	for err, want := range map[error]string{
		syscall.EADDRINUSE:    "another program has this port",
		syscall.EACCES:        "CAP_NET_BIND_SERVICE",
		syscall.EADDRNOTAVAIL: "leave the host out",
	} {
		refused := &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", err)}
		if got := portError(":104", refused).Error(); !strings.Contains(got, want) {
			t.Errorf("%v: %s", err, got)
		}
	}
}

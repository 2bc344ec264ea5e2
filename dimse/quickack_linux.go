package dimse

import (
	"net"
	"syscall"
)

// newQuickAck gives a function that asks the kernel to acknowledge at once. It lasts until the kernel finds the connection
// interactive again, so it is called after every read. Without it, a sender that leaves Nagle's algorithm on and writes a
// PDU in two calls (DCMTK and all that build on it) waits 40 ms for the delayed acknowledgement of one in three instances.
func newQuickAck(conn net.Conn) func() {
	tcp, ok := transport(conn).(*net.TCPConn)
	if !ok {
		return func() {}
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return func() {}
	}
	set := func(fd uintptr) {
		// An error here costs speed, nothing else.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1)
	}
	return func() { _ = raw.Control(set) }
}

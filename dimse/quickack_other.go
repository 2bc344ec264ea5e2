//go:build !linux

package dimse

import "net"

// newQuickAck does nothing: TCP_QUICKACK is Linux only.
func newQuickAck(net.Conn) func() { return func() {} }

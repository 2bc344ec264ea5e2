package ct

import (
	"strings"
	"testing"
)

func TestCheckSize(t *testing.T) {
	s := &Series{Headers: make([]Header, 1100)}
	s.Headers[0].Rows, s.Headers[0].Columns = 1024, 1024
	if r := checkSize(s, 16<<30); r != nil {
		t.Errorf("with 16 GiB: %v", r)
	}
	if r := checkSize(s, 8<<30); r == nil || r.Code != CodeTooLarge ||
		!strings.Contains(r.Text, "1100 slices of 1024 x 1024 need about 9.6 GiB of memory, this machine has 8.0 GiB") {
		t.Errorf("with 8 GiB: %v", r)
	}
	if m := machineMemory(); m < 1<<28 {
		t.Errorf("this machine has %d bytes", m)
	}
}

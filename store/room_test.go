package store

import "testing"

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KB", 55 << 10: "55.0 KB", 55_050_240: "52.5 MB", 2 << 30: "2.0 GB",
		1<<30 - 1: "1.0 GB", 3 << 40: "3.0 TB", 5000 << 40: "5000.0 TB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

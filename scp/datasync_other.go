//go:build !linux

package scp

import "os"

func datasync(f *os.File) error { return f.Sync() }

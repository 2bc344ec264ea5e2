//go:build !linux

package durable

import "os"

func sync(f *os.File) error { return f.Sync() }

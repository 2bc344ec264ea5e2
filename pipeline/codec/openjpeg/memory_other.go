//go:build !linux

package openjpeg

// limitMemory does nothing here.
func limitMemory() {}

package openjpeg

import "golang.org/x/sys/unix"

// workerMemory bounds the memory of a worker, in bytes: three copies of the largest frame that is decoded (8192 x 8192, 256 MiB
// of samples), the codestream and room to work.
const workerMemory = 2 << 30

// limitMemory bounds the memory of this process and keeps it from writing core files: they would hold patients' images. Where it
// fails, the worker has no bounds.
func limitMemory() {
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: workerMemory, Max: workerMemory})
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

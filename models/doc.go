// Package models holds the two networks: their manifest, and the code that loads and runs them through ONNX Runtime.
//
// What a network is (file, hash, window, size, operating point, status) stands in manifest.toml and in its graph, never
// in Go code, so that a site can put its own networks in. The contract of a graph, N pictures of H x W Hounsfield units:
//
//	classifier: hu float32 [N,1,H,W] -> probability float32 [N], activation float32 [N,h,w] (not negative),
//	            where the manifest has its limit distance float32 [N]: how far the picture lies from those of the training
//	segmenter:  hu float32 [N,1,H,W] -> mask_probability float32 [N,H,W]
//
// Windowing, scaling and resizing happen inside the graph. Open checks the contract with one run of each network on a test picture, and
// takes kernels that give what the manifest says of it; every later run checks its output again: a wrong shape, NaN or a value out of
// range is an error, never a finding.
//
// The ONNX Runtime library is loaded at run time (Find says where it is looked for); `make provision` fetches it.
// The environment of ONNX Runtime is one per process: it is made by the first Open and stays until the process ends,
// so every Open of a process has to use the same library.
//
// Where OpenVINO's build of ONNX Runtime is, a network is loaded a second time for it, with 512 x 512 as the size of its input;
// pictures of other sizes take the first. At each Open both calculate a test picture and have to agree. Which is faster is measured
// in another process, once for each machine.
//
// This package knows nothing of DICOM, of the cascade or of the ledger. It uses cgo to ask for the NVIDIA driver and to
// load CUDA's libraries by path.
package models

package models

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

// jcs_open loads a library for good. On failure it copies dlerror's text, which belongs to the calling thread.
static void *jcs_open(const char *name, char *text, size_t size) {
	void *handle = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
	if (handle == NULL) {
		const char *message = dlerror();
		strncpy(text, message ? message : "unknown error", size - 1);
	}
	return handle;
}

// jcs_first_gpu asks the driver for its devices. It returns the CUDA result code (0: success) and sets count, and the
// name of the first device. -1: the driver lacks a function.
static int jcs_first_gpu(void *driver, int *count, char *name, int size) {
	int (*init)(unsigned) = (int (*)(unsigned))dlsym(driver, "cuInit");
	int (*get_count)(int *) = (int (*)(int *))dlsym(driver, "cuDeviceGetCount");
	int (*get)(int *, int) = (int (*)(int *, int))dlsym(driver, "cuDeviceGet");
	int (*get_name)(char *, int, int) = (int (*)(char *, int, int))dlsym(driver, "cuDeviceGetName");
	if (!init || !get_count || !get || !get_name) return -1;
	int device = 0, result = init(0);
	if (result == 0) result = get_count(count);
	if (result == 0 && *count > 0) result = get(&device, 0);
	if (result == 0 && *count > 0) result = get_name(name, size, device);
	return result;
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// openLibrary loads a shared library, by path or by name, with its symbols visible to libraries that are loaded later.
// It stays loaded.
func openLibrary(name string) (unsafe.Pointer, error) {
	cName := C.CString(name)
	defer C.free(unsafe.Pointer(cName))
	text := make([]byte, 1024)
	handle := C.jcs_open(cName, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	if handle == nil {
		return nil, errors.New(C.GoString((*C.char)(unsafe.Pointer(&text[0]))))
	}
	return handle, nil
}

// firstGPU asks a loaded libcuda.so.1 how many devices there are and what the first one is called. result is the
// driver's CUresult: 0 is success, 100 no device; -1 stands for a library that is no driver.
func firstGPU(driver unsafe.Pointer) (name string, count, result int) {
	var n C.int
	text := make([]byte, 256)
	code := C.jcs_first_gpu(driver, &n, (*C.char)(unsafe.Pointer(&text[0])), C.int(len(text)))
	return C.GoString((*C.char)(unsafe.Pointer(&text[0]))), int(n), int(code)
}

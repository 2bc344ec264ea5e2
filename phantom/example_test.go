package phantom_test

import (
	"context"
	"fmt"
	"os"

	"jcsnode/phantom"
)

func ExampleWrite() {
	dir, err := os.MkdirTemp("", "phantom")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	if err := phantom.Write(context.Background(), dir, phantom.Options{Slices: 2, Lesions: true}); err != nil {
		fmt.Println(err)
		return
	}
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		fmt.Println(f.Name())
	}
	// Output:
	// IM0001.dcm
	// IM0002.dcm
}

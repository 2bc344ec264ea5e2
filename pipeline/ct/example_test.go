package ct_test

import (
	"context"
	"fmt"
	"path/filepath"

	"jcsnode/pipeline/ct"
)

// A folder of instances becomes a volume, or a reason.
func ExampleLoadBest() {
	files, _ := filepath.Glob("study/*.dcm")
	var headers []ct.Header
	for _, path := range files {
		headers = append(headers, ct.ReadFile(ct.OpenPath, path)...)
	}
	selection := ct.Select(headers)
	volume, series, _, err := ct.LoadBest(context.Background(), ct.OpenPath, selection, nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d slices, %.1f mm\n", series.Name, len(volume.Slices), volume.Length())
	// Output: the study has no instance; send the study again
}

package object_test

import (
	"fmt"

	"jcsnode/dicomout/object"
)

// A retry, a restart and a rebuild name the same object, since names are made of the input alone.
func ExampleStudy_InstanceUID() {
	study := object.Study{
		StudyInstanceUID: "1.2.3",
		InputDigest:      "6f1e",
		Models:           []object.Model{{Name: "segmenter", Version: "1.0", SHA256: "ab"}},
	}
	again := study
	fmt.Println(study.InstanceUID(object.Segmentation) == again.InstanceUID(object.Segmentation))

	again.InputDigest = "93a0" // with a late slice
	fmt.Println(study.InstanceUID(object.Segmentation) == again.InstanceUID(object.Segmentation))
	// Output:
	// true
	// false
}

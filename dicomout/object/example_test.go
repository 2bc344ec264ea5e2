package object_test

import (
	"fmt"

	"jcsnode/dicomout/object"
)

// A retry, a restart and a rebuild name the same object, since names are made of the input alone.
func ExampleStudy_InstanceUID() {
	study := object.Study{
		StudyInstanceUID: "1.2.3",
		InputDigest:      object.InputDigest([]string{"1.2.3.4.2", "1.2.3.4.1"}),
		Models:           []object.Model{{Name: "segmenter", Version: "1.0", SHA256: "ab"}},
	}
	again := study
	again.InputDigest = object.InputDigest([]string{"1.2.3.4.1", "1.2.3.4.2"}) // arrived in another order
	fmt.Println(study.InstanceUID(object.Segmentation) == again.InstanceUID(object.Segmentation))

	again.InputDigest = object.InputDigest([]string{"1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"}) // a late slice
	fmt.Println(study.InstanceUID(object.Segmentation) == again.InstanceUID(object.Segmentation))
	// Output:
	// true
	// false
}

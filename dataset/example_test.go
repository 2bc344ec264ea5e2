package dataset_test

import (
	"bytes"
	"fmt"

	"jcsnode/dataset"
)

// A stored instance is file meta information with the data set behind it, as it came.
func ExampleRead() {
	var file bytes.Buffer
	err := dataset.WriteMeta(&file, dataset.Meta{
		SOPClassUID:            "1.2.840.10008.5.1.4.1.1.2",
		SOPInstanceUID:         "1.2.3.4",
		TransferSyntaxUID:      dataset.ExplicitVRLittleEndian,
		ImplementationClassUID: "2.25.1",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	file.WriteString("\x08\x00\x60\x00CS\x02\x00CT")
	file.WriteString("\x10\x00\x20\x00LO\x04\x00P42 ")

	f, err := dataset.Read(bytes.NewReader(file.Bytes()), int64(file.Len()), dataset.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, _ := f.Set().Bytes(dataset.PatientID)
	fmt.Printf("%s %s %q\n", f.TransferSyntax().Name, f.Set().String(dataset.Modality), raw)
	// Output: Explicit VR Little Endian CT "P42 "
}

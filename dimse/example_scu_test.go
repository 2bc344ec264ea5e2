package dimse_test

import (
	"context"
	"fmt"
	"strings"

	"jcsnode/dimse"
)

// A requestor that stores one instance. That the error is nil says that there is an answer; whether the instance is stored, its
// status.
func Example_scu() {
	ctx, address := archive()
	dialer := dimse.Dialer{CallingAETitle: "SCANNER"}
	conn, err := dialer.Dial(ctx, address, "ARCHIVE", []dimse.PresentationContext{
		{AbstractSyntax: ctImageStorage, TransferSyntaxes: []string{explicitVRLittleEndian}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := conn.Store(ctx, dimse.StoreCommand{SOPClassUID: ctImageStorage, SOPInstanceUID: "1.2.3.4",
		TransferSyntaxUID: explicitVRLittleEndian, Body: strings.NewReader("\x08\x00\x05\x00CS\x02\x001 ")})
	fmt.Println(response.Status, err)
	fmt.Println(conn.Release(context.WithoutCancel(ctx)))
	// Output:
	// A700H (out of resources) <nil>
	// <nil>
}

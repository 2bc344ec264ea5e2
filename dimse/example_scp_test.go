package dimse_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"jcsnode/dimse"
)

// An acceptor of CT images. It runs until its context ends, lets open associations finish, and says why it could not serve.
func Example_scp() {
	server := dimse.Server{
		Accept: dimse.Offer{dimse.Verification: {implicitVRLittleEndian}, ctImageStorage: {explicitVRLittleEndian}}.Accept,
		Handler: dimse.StoreFunc(func(_ context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
			n, err := io.Copy(io.Discard, req.Body) // a file, in real life, and synced before the answer
			if err != nil {
				return dimse.StatusProcessingFailure, "" // nobody hears it: the data set is cut, the association over
			}
			fmt.Printf("%s sent %d bytes of instance %s\n", a.Requestor().CallingAETitle, n, req.SOPInstanceUID)
			return dimse.StatusSuccess, ""
		}),
		Logger: slog.New(slog.DiscardHandler),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(server.Serve(scanner(listener.Addr().String()), listener))
	// Output:
	// SCANNER sent 10 bytes of instance 1.2.3.4
	// <nil>
}

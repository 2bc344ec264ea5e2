package dimse_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"

	"jcsnode/dimse"
)

const ctImageStorage = "1.2.840.10008.5.1.4.1.1.2"
const explicitVRLittleEndian = "1.2.840.10008.1.2.1"

// sink takes instances and forgets them.
type sink struct{}

func (sink) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }

func (sink) Store(_ context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	n, err := io.Copy(io.Discard, req.Body)
	if err != nil {
		return dimse.StatusProcessingFailure, "the data set is incomplete"
	}
	fmt.Printf("%s sent instance %s: %d bytes\n", a.Peer().CallingAETitle, req.SOPInstanceUID, n)
	return dimse.StatusSuccess, ""
}

func (sink) Closed(_ *dimse.Association, err error) { fmt.Println("closed:", err) }

// A Server that takes CT images, and a Dialer that sends one.
func Example() {
	server := &dimse.Server{
		Handler: sink{},
		Admit: func(p dimse.Peer) error {
			if p.CalledAETitle != "JCSNODE" {
				return &dimse.Rejection{Result: 1, Source: 1, Reason: 7}
			}
			return nil
		},
		Accept: func(_ dimse.Peer, abstract string, proposed []string) (string, byte) {
			if abstract != ctImageStorage {
				return "", 3
			}
			return proposed[0], 0
		},
		Logger: slog.New(slog.DiscardHandler),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- server.Serve(ctx, listener) }()

	if err := send(ctx, listener.Addr().String()); err != nil {
		fmt.Println(err)
	}
	stop()
	fmt.Println("served:", <-served)
	// Output:
	// SCANNER sent instance 1.2.3.4: 10 bytes
	// status 0000H (success)
	// closed: <nil>
	// served: <nil>
}

func send(ctx context.Context, address string) error {
	dialer := dimse.Dialer{CallingAETitle: "SCANNER"}
	conn, err := dialer.Dial(ctx, address, "JCSNODE", []dimse.PresentationContext{
		{AbstractSyntax: ctImageStorage, TransferSyntaxes: []string{explicitVRLittleEndian}},
	})
	if err != nil {
		return err
	}
	response, err := conn.Store(ctx, dimse.StoreCommand{
		SOPClassUID: ctImageStorage, SOPInstanceUID: "1.2.3.4", TransferSyntaxUID: explicitVRLittleEndian,
		Body: strings.NewReader("\x08\x00\x05\x00CS\x02\x00\x31\x20"),
	})
	if err != nil {
		return err
	}
	fmt.Println("status", response.Status)
	return conn.Release(ctx)
}

package dimse_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"jcsnode/dimse"
)

const (
	ctImageStorage         = "1.2.840.10008.5.1.4.1.1.2"
	explicitVRLittleEndian = "1.2.840.10008.1.2.1"
	implicitVRLittleEndian = "1.2.840.10008.1.2"
)

// scanner is the peer of Example_scp: the context ends when it has sent an instance.
func scanner(address string) context.Context {
	ctx, done := context.WithCancel(context.Background())
	go func() {
		defer done()
		dialer := dimse.Dialer{CallingAETitle: "SCANNER"}
		conn, err := dialer.Dial(ctx, address, "ARCHIVE",
			[]dimse.PresentationContext{{AbstractSyntax: ctImageStorage, TransferSyntaxes: []string{explicitVRLittleEndian}}})
		if err != nil {
			fmt.Println(err)
			return
		}
		response, err := conn.Store(ctx, dimse.StoreCommand{SOPClassUID: ctImageStorage, SOPInstanceUID: "1.2.3.4",
			TransferSyntaxUID: explicitVRLittleEndian, Body: strings.NewReader("\x08\x00\x05\x00CS\x02\x001 ")})
		if err = errors.Join(err, conn.Release(ctx)); err != nil || response.Status != dimse.StatusSuccess {
			fmt.Println(response.Status, err)
		}
	}()
	return ctx
}

// full is an archive that has no room, and stops when its first association is over.
type full struct {
	dimse.StoreFunc
	stop context.CancelFunc
}

func (f full) Closed(*dimse.Association, error) { f.stop() }

// archive is the peer of Example_scu.
func archive() (ctx context.Context, address string) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		stop()
		return ctx, ""
	}
	server := &dimse.Server{Accept: dimse.Offer{ctImageStorage: {explicitVRLittleEndian}}.Accept, Logger: slog.New(slog.DiscardHandler),
		Handler: full{func(_ context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
			_, _ = io.Copy(io.Discard, req.Body)
			return dimse.StatusOutOfResources, "disk is full"
		}, stop}}
	go func() {
		if err := server.Serve(ctx, listener); err != nil {
			fmt.Println(err)
		}
	}()
	return ctx, listener.Addr().String()
}

// The documentation promises an acceptor in 20 lines and a requestor in 15.
func TestExamples_AreShort(t *testing.T) {
	for file, most := range map[string]int{"example_scp_test.go": 20, "example_scu_test.go": 15} {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			last := f.Body.List[len(f.Body.List)-1]
			if lines := set.Position(last.End()).Line - set.Position(f.Body.Lbrace).Line; lines > most {
				t.Errorf("%s: %s has %d lines, more than %d", file, f.Name.Name, lines, most)
			}
		}
	}
}

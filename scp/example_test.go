package scp_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"jcsnode/dimse"
	"jcsnode/scp"
	"jcsnode/store/disk"
)

// A door that lets one scanner in, as it is given to a dimse.Server.
func Example() {
	dir, err := os.MkdirTemp("", "inbox")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	files, err := disk.Open(dir, disk.Options{Reserve: 0, Staging: scp.Staging})
	if err != nil {
		panic(err)
	}
	defer files.Close()
	inbox := scp.NewInbox(files, scp.InboxOptions{ImplementationClassUID: "2.25.1"})
	settings := scp.Settings{
		AETitle: "JCSNODE", CheckCalled: true,
		Peers:            []scp.Peer{{AETitle: "CT1", Network: netip.MustParsePrefix("10.20.0.0/16")}},
		TransferSyntaxes: []string{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2"},
	}
	door := scp.NewDoor(func() scp.Settings { return settings }, inbox, nil /* the ledger */, slog.Default(), time.Now)
	server := &dimse.Server{Admit: door.Admit, Accept: door.Accept, Handler: door}

	scanner := &net.TCPAddr{IP: net.IPv4(10, 20, 0, 7), Port: 50000}
	fmt.Println(server.Admit(dimse.Requestor{CallingAETitle: "CT1", CalledAETitle: "JCSNODE", Addr: scanner}))
	fmt.Println(server.Accept(dimse.Requestor{}, scp.CTImageStorage, []string{"1.2.840.10008.1.2"}))
	// Output:
	// <nil>
	// 1.2.840.10008.1.2 0
}

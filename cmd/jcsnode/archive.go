package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
)

// archive is a small receiving PACS: it keeps every instance that it is sent in one folder. It stands in for a PACS in
// the demonstration and in a site's first check; it promises nothing about power cuts.
type archive struct {
	dir    string
	logger *slog.Logger
}

func archiveCommand() *cobra.Command {
	var listen, title, dir string
	c := &cobra.Command{
		Use:   "archive --out DIR",
		Short: "a small receiving PACS: store every instance in a folder",
		Args:  cobra.NoArgs,
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:11113", "`host:port` to listen on")
	c.Flags().StringVar(&title, "ae", "ARCHIVE", "AE `title`; others are refused")
	c.Flags().StringVar(&dir, "out", "", "`folder` for the instances")
	c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, _ []string) error {
		l, err := net.Listen("tcp", listen)
		if err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		a := archive{dir: dir, logger: slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))}
		fmt.Fprintf(c.OutOrStdout(), "%s listens on %s\n", title, l.Addr())
		return a.serve(c.Context(), l, title)
	}
	return c
}

// serve stores until the context ends.
func (a *archive) serve(ctx context.Context, l net.Listener, title string) error {
	if err := os.MkdirAll(a.dir, 0o755); err != nil {
		return fmt.Errorf("make the archive's folder: %w", err)
	}
	s := &dimse.Server{
		Admit: func(p dimse.Requestor) error {
			if p.CalledAETitle != title {
				return &dimse.Rejection{Result: 1, Source: 1, Reason: 7, Detail: "called AE title is " + title}
			}
			return nil
		},
		Accept:                 acceptAny,
		Handler:                a,
		ImplementationClassUID: object.ImplementationClassUID,
		ImplementationVersion:  object.ImplementationVersionName,
		Logger:                 a.logger,
	}
	return s.Serve(ctx, l)
}

// acceptAny takes every class in the first syntax that the program knows.
func acceptAny(_ dimse.Requestor, _ string, proposed []string) (string, byte) {
	for _, uid := range proposed {
		if _, ok := dataset.LookupTransferSyntax(uid); ok {
			return uid, 0
		}
	}
	return "", 4
}

// Echo answers C-ECHO.
func (a *archive) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }

// Closed is told when an association has ended.
func (a *archive) Closed(*dimse.Association, error) {}

// Store writes the instance to a file named by the hash of its UID: no byte of a peer becomes a path.
func (a *archive) Store(_ context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	sum := sha256.Sum256([]byte(req.SOPInstanceUID))
	name := filepath.Join(a.dir, hex.EncodeToString(sum[:12])+".dcm")
	if err := a.write(name, req); err != nil {
		a.logger.Error("instance not stored", "instance", req.SOPInstanceUID, "error", err)
		return dimse.StatusOutOfResources, "cannot be written"
	}
	return dimse.StatusSuccess, ""
}

func (a *archive) write(name string, req *dimse.StoreRequest) (err error) {
	f, err := os.CreateTemp(a.dir, ".receiving-*")
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	meta := dataset.Meta{SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		ImplementationClassUID: object.ImplementationClassUID, ImplementationVersionName: object.ImplementationVersionName}
	if err := dataset.WriteMeta(f, meta); err != nil {
		return err
	}
	if _, err := io.Copy(f, req.Body); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

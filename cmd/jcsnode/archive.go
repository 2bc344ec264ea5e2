package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/spf13/cobra"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/store/disk"
)

// archive is a small receiving PACS: it keeps every instance that it is sent in one folder. It stands in for a PACS in
// the demonstration and in a site's first check.
type archive struct {
	dir    string
	store  *disk.Store // while it serves
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
func (a *archive) serve(ctx context.Context, l net.Listener, title string) (err error) {
	if a.store, err = disk.Open(a.dir, disk.Options{Staging: ".receiving"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.store.Close()) }()
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
func (a *archive) Store(ctx context.Context, _ *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	sum := sha256.Sum256([]byte(req.SOPInstanceUID))
	if err := a.write(ctx, hex.EncodeToString(sum[:12])+".dcm", req); err != nil {
		a.logger.Error("instance not stored", "instance", req.SOPInstanceUID, "error", err)
		return dimse.StatusOutOfResources, "cannot be written"
	}
	return dimse.StatusSuccess, ""
}

func (a *archive) write(ctx context.Context, name string, req *dimse.StoreRequest) (err error) {
	f, err := a.store.Stage(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Abort()) }()
	meta := dataset.Meta{SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID, TransferSyntaxUID: req.TransferSyntaxUID,
		ImplementationClassUID: object.ImplementationClassUID, ImplementationVersionName: object.ImplementationVersionName}
	if err := dataset.WriteMeta(f, meta); err != nil {
		return err
	}
	if _, err := io.Copy(f, req.Body); err != nil {
		return err
	}
	_, err = f.Commit(ctx, name, nil)
	return err
}

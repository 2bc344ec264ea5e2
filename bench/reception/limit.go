package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"jcsnode/dimse"
)

const (
	limitName  = "bare TCP to synced files"
	senderName = "sender's own limit"
)

// copyBuffer is as long as the PDUs that jcsnode takes.
const copyBuffer = 128 << 10

// limit copies the files over TCP, on as many connections as there are associations: a length, the bytes, and one byte back when
// content and name are on disk. Nothing that receives durably, one file at a time on each connection, can be much faster.
func (b bench) limit(ctx context.Context, s scenario) (got sample, err error) {
	dir, err := os.MkdirTemp(b.dir, "limit-")
	if err != nil {
		return got, err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return got, err
	}
	receiver := &copier{dir: dir}
	served := make(chan error, 1)
	go func() { served <- receiver.serve(l, s.associations) }()
	began := time.Now()
	err = together(b.share(s.slices, s.associations), func(files []string) error { return push(ctx, l.Addr().String(), files) })
	got.rate = float64(s.slices) / time.Since(began).Seconds()
	return got, errors.Join(err, l.Close(), <-served)
}

// senderLimit is how fast the senders are when an acceptor in this process answers at once and keeps nothing.
func (b bench) senderLimit(ctx context.Context, s scenario) (got sample, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return got, err
	}
	server := &dimse.Server{
		Accept: dimse.Offer{ctImageStorage: {explicitVRLittleEndian}}.Accept,
		Handler: dimse.StoreFunc(func(context.Context, *dimse.Association, *dimse.StoreRequest) (dimse.Status, string) {
			return dimse.StatusSuccess, ""
		}),
		Logger: slog.New(slog.DiscardHandler),
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- server.Serve(serving, l) }()
	began := time.Now()
	err = together(b.share(s.slices, s.associations), func(files []string) error {
		return s.sender.send(ctx, "NOWHERE", l.Addr().(*net.TCPAddr).Port, files)
	})
	got.rate = float64(s.slices) / time.Since(began).Seconds()
	stop()
	return got, errors.Join(err, <-served)
}

const (
	ctImageStorage         = "1.2.840.10008.5.1.4.1.1.2"
	explicitVRLittleEndian = "1.2.840.10008.1.2.1"
)

// copier receives files.
type copier struct {
	dir   string
	count atomic.Int64
}

// serve takes connections until the listener closes.
func (c *copier) serve(l net.Listener, most int) error {
	done := make(chan error, most)
	open := 0
	for ; open < most; open++ {
		conn, err := l.Accept()
		if err != nil {
			break // the senders failed and closed it
		}
		go func() {
			defer conn.Close()
			done <- c.receive(conn)
		}()
	}
	var errs []error
	for range open {
		errs = append(errs, <-done)
	}
	return errors.Join(errs...)
}

func (c *copier) receive(conn net.Conn) error {
	buffer := make([]byte, copyBuffer)
	for {
		var length uint64
		if err := binary.Read(conn, binary.BigEndian, &length); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		name := filepath.Join(c.dir, strconv.FormatInt(c.count.Add(1), 10))
		if err := durable(name, io.LimitReader(conn, int64(length)), buffer); err != nil {
			return fmt.Errorf("copy to %s: %w", name, err)
		}
		if _, err := conn.Write([]byte{1}); err != nil {
			return err
		}
	}
}

// durable writes a file as an inbox does: content, sync, name, sync.
func durable(name string, r io.Reader, buffer []byte) error {
	f, err := os.Create(name + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{f}, r, buffer); err != nil {
		return err
	}
	if err := unix.Fdatasync(int(f.Fd())); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// push sends files over one connection, each when the one before is on disk.
func push(ctx context.Context, address string, files []string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint64(nil, uint64(len(content))), content...)); err != nil {
			return err
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			return fmt.Errorf("acknowledgement of %s: %w", name, err)
		}
	}
	return nil
}

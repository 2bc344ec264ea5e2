package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"golang.org/x/sys/unix"
)

// Version of versitygw that .ci/install puts into the cache.
const Version = "v1.8.0"

// What a server knows.
const (
	AccessKey = "JCSNODETEST"
	SecretKey = "a-secret-of-the-tests"
	Bucket    = "studies"
)

// Server is a store that runs until the test ends.
type Server struct {
	Address string // host:port
	Folder  string // of the bucket: an object is a file under its key
	root    string
	scheme  string
	args    []string
	running *exec.Cmd
}

// Endpoint is the URL of the server.
func (s *Server) Endpoint() string { return s.scheme + "://" + s.Address }

// Option changes how a server starts.
type Option func(*Server)

// WithTLS has the server speak TLS. The files are PEM, their paths absolute.
func WithTLS(certificate, key string) Option {
	return func(s *Server) {
		s.scheme = "https"
		s.args = append(s.args, "--cert", certificate, "--key", key)
	}
}

// In has the server keep everything in a folder, instead of one of its own.
func In(folder string) Option { return func(s *Server) { s.root = folder } }

// Start starts a server with an empty bucket. It skips a test without versitygw, which CI must have.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{scheme: "http"}
	for _, o := range options {
		o(s)
	}
	if s.root == "" {
		s.root = t.TempDir()
	}
	if err := unix.Setxattr(s.root, "user.jcsnode", []byte("1"), 0); err != nil {
		unavailable(t, fmt.Sprintf("the file system of %s has no extended attributes, which versitygw needs: %v", s.root, err))
	}
	s.Folder = filepath.Join(s.root, Bucket)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = l.Addr().String()
	l.Close()
	s.Resume(t)
	t.Cleanup(func() { s.Kill(t) })
	client, err := minio.New(s.Address, &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""),
		Secure: s.scheme == "https", Region: "us-east-1", Transport: insecure(), MaxRetries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), Bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Binary is where versitygw lies, "" where it is not installed.
func Binary() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(cache, "jcsnode", "versitygw", Version, "versitygw")
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func unavailable(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// Resume starts the server again where it was, after Kill.
func (s *Server) Resume(t testing.TB) {
	t.Helper()
	path := Binary()
	if path == "" {
		unavailable(t, "versitygw "+Version+" is not installed; .ci/install store does that")
	}
	args := append([]string{"--access", AccessKey, "--secret", SecretKey, "--port", s.Address, "--quiet"}, s.args...)
	s.running = exec.Command(path, append(args, "posix", s.root)...)
	s.running.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.running.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.await(t.Context()); err != nil {
		t.Fatalf("versitygw does not answer: %v", err)
	}
}

// await waits until the server answers anything.
func (s *Server) await(ctx context.Context) error {
	client := http.Client{Transport: insecure(), Timeout: time.Second}
	var last error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		answer, err := client.Get(s.Endpoint())
		if err == nil {
			return answer.Body.Close()
		}
		last = err
	}
	return errors.Join(last, ctx.Err())
}

// Kill ends the server as a power cut would, save for what the machine has still to write.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.running == nil {
		return
	}
	s.running.Process.Kill() // it may be gone
	s.running.Wait()
	s.running = nil
}

// Freeze has the server take connections and answer none, until Thaw.
func (s *Server) Freeze(t testing.TB) { s.signal(t, syscall.SIGSTOP) }

// Thaw has it go on.
func (s *Server) Thaw(t testing.TB) { s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	if err := s.running.Process.Signal(signal); err != nil {
		t.Error(err)
	}
}

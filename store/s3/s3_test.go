package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/store"
	"jcsnode/store/s3test"
	"jcsnode/store/storetest"
)

// openOn opens the store of a server, over an address that leads to it.
func openOn(t testing.TB, server *s3test.Server, address string, change func(*Options)) *Store {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	opt := Options{Endpoint: strings.Replace(server.Endpoint(), server.Address, address, 1), Bucket: s3test.Bucket, Spool: t.TempDir(),
		Patience: 5 * time.Second}
	if change != nil {
		change(&opt)
	}
	s, err := Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	for name, prefix := range map[string]string{"bucket": "", "prefix": "hospital/node-1"} {
		t.Run(name, func(t *testing.T) {
			server := s3test.Start(t) // each test leaves the bucket as it likes: it has a prefix of its own
			storetest.Run(t, func(t *testing.T) *storetest.Subject {
				own := strings.ToLower(rand.Text())
				if prefix != "" {
					own = prefix + "/" + own
				}
				s := openOn(t, server, server.Address, func(o *Options) { o.Prefix = own })
				return &storetest.Subject{
					Store: s,
					Break: func(storetest.Fault) bool { return false }, // TestFaults has those of a service
					Mend:  func() {},
					Crash: func(t *testing.T) store.Store {
						return openOn(t, server, server.Address, func(o *Options) { o.Prefix, o.Spool = own, s.opt.Spool })
					},
					Left: func(t *testing.T) []string {
						left, err := filepath.Glob(filepath.Join(s.opt.Spool, "*"))
						if err != nil {
							t.Fatal(err)
						}
						return left
					},
				}
			})
		})
	}
}

// random is content that no two files share.
func random(t testing.TB, size int) []byte {
	t.Helper()
	content := make([]byte, size)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	return content
}

func put(t testing.TB, s *Store, name string, content []byte) {
	t.Helper()
	if err := store.Put(t.Context(), s, name, content); err != nil {
		t.Fatal(err)
	}
}

// Whatever its size, a file comes back as it went.
func TestReadAt_EverySize(t *testing.T) {
	server := s3test.Start(t)
	s := openOn(t, server, server.Address, nil)
	for _, size := range []int{0, 1, headSize - 1, headSize, headSize + 1, 526_000, 9 << 20} {
		content := random(t, size)
		put(t, s, "in/file", content)
		got, err := store.Get(t.Context(), s, "in/file")
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %d came back, %v", size, len(got), err)
		}
	}
}

// A header costs its own bytes, and a whole instance two requests.
func TestOpen_GetsTheBeginningAlone(t *testing.T) {
	server := s3test.Start(t)
	line := s3test.Through(t, server)
	s := openOn(t, server, line.Address, nil)
	put(t, s, "in/file", random(t, 3<<20))
	for _, c := range []struct {
		read      int
		low, high int64
	}{{4 << 10, headSize, headSize + 8<<10}, {3 << 20, 3 << 20, 3<<20 + 16<<10}} {
		before := line.Read()
		f, err := s.Open(t.Context(), "in/file")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReadAt(make([]byte, c.read), 0); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		if got := line.Read() - before; got < c.low || got > c.high {
			t.Errorf("%d bytes read took %d over the line, want %d to %d", c.read, got, c.low, c.high)
		}
	}
}

// No byte that is not what was written reaches a reader, wherever it lies.
func TestRead_FindsAStoreThatLies(t *testing.T) {
	server := s3test.Start(t)
	s := openOn(t, server, server.Address, nil)
	const size = 526_000
	for name, spoil := range map[string]func(path string) error{
		"beginning": func(path string) error { return flip(path, 100) },
		"middle":    func(path string) error { return flip(path, size/2) },
		"end":       func(path string) error { return flip(path, size-1) },
		"cut":       func(path string) error { return os.Truncate(path, size-1) },
		"empty":     func(path string) error { return os.Truncate(path, 0) },
		"other file": func(path string) error { // without what the service knew of it
			return errors.Join(os.Remove(path), os.WriteFile(path, make([]byte, size), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			put(t, s, "in/file", random(t, size))
			if err := spoil(filepath.Join(server.Folder, "in", "file")); err != nil {
				t.Fatal(err)
			}
			_, err := store.Get(t.Context(), s, "in/file")
			if !errors.Is(err, errLied) || errors.Is(err, store.ErrTemporary) || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%v, want that the store lies", err)
			}
		})
	}
}

func flip(path string, at int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b, at)
	return err
}

// A reader never gets half of one file and half of another.
func TestRead_OfAFileThatIsReplaced(t *testing.T) {
	server := s3test.Start(t)
	s := openOn(t, server, server.Address, nil)
	put(t, s, "in/file", random(t, 526_000))
	f, err := s.Open(t.Context(), "in/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	put(t, s, "in/file", random(t, 526_000))
	if _, err := f.ReadAt(make([]byte, 10), 500_000); !errors.Is(err, store.ErrTemporary) {
		t.Errorf("%v, want one that passes when it is opened again", err)
	}
}

// Each fault is told in words that an operator can act on, as what it is, and within the patience.
func TestFaults(t *testing.T) {
	server := s3test.Start(t)
	line := s3test.Through(t, server)
	content := random(t, 526_000)
	put(t, openOn(t, server, server.Address, nil), "in/file", content)
	quick := func(o *Options) { o.Patience, o.Attempts = 300*time.Millisecond, 1 }
	for name, c := range map[string]struct {
		change func(*Options)
		during func()
		kind   error
		words  string
	}{
		"slow": {quick, func() { line.Delay(time.Second) }, store.ErrTemporary, "no answer in time"},
		"cut":  {quick, func() { line.CutAfter(200_000) }, store.ErrTemporary, "it ended early"},
		"no such bucket": {func(o *Options) { o.Bucket = "no-such" }, nil, store.ErrTemporary,
			"there is no such bucket: make it, or correct store.bucket"},
		"wrong secret": {func(*Options) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") }, nil, store.ErrTemporary, "the secret key is wrong"},
		"unknown key": {func(*Options) { t.Setenv("AWS_ACCESS_KEY_ID", "nobody") }, nil, store.ErrTemporary,
			"does not know the access key"},
		"nobody there": {func(o *Options) { quick(o); o.Endpoint = "http://127.0.0.1:1" }, nil, store.ErrTemporary, "nobody listens there"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openOn(t, server, line.Address, c.change)
			if c.during != nil {
				c.during()
				defer func() { line.Delay(0); line.CutAfter(0) }()
			}
			began := time.Now()
			_, err := store.Get(t.Context(), s, "in/file")
			if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%v, want kind %v and %q", err, c.kind, c.words)
			}
			if strings.Contains(err.Error(), s3test.SecretKey) {
				t.Errorf("%v tells the secret", err)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
	s := openOn(t, server, line.Address, nil)
	if got, err := store.Get(t.Context(), s, "in/file"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
}

// A store that was away for a moment is asked again within one call; one that stays away is told of, and all is there when it is back.
func TestStoreKilledAndBack(t *testing.T) {
	server := s3test.Start(t)
	s := openOn(t, server, server.Address, nil)
	content := random(t, 526_000)
	put(t, s, "in/file", content)
	server.Kill(t)
	if _, err := s.Has(t.Context(), "in/file"); !errors.Is(err, store.ErrTemporary) {
		t.Errorf("has: %v", err)
	}
	if err := store.Put(t.Context(), s, "in/other", content); !errors.Is(err, store.ErrTemporary) {
		t.Errorf("put: %v", err)
	}
	for _, err := range s.List(t.Context(), "in") {
		if !errors.Is(err, store.ErrTemporary) {
			t.Errorf("list: %v", err)
		}
	}
	server.Resume(t)
	if got, err := store.Get(t.Context(), s, "in/file"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
	if has, err := s.Has(t.Context(), "in/other"); has || err != nil {
		t.Errorf("what was not put: %v, %v", has, err)
	}
}

// Who is stopped need not wait for the store.
func TestContext(t *testing.T) {
	server := s3test.Start(t)
	line := s3test.Through(t, server)
	s := openOn(t, server, line.Address, nil)
	put(t, s, "in/file", random(t, 526_000))
	line.Delay(500 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := store.Get(ctx, s, "in/file"); err == nil || time.Since(began) > 400*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(began))
	}
	line.Delay(0)
}

// The file of credentials is that of other S3 tools, and one that was changed is taken.
func TestCredentialsFile(t *testing.T) {
	server := s3test.Start(t)
	path := filepath.Join(t.TempDir(), "credentials")
	write := func(secret string) {
		text := "[default]\naws_access_key_id = x\naws_secret_access_key = y\n\n[node]\naws_access_key_id = " + s3test.AccessKey +
			"\naws_secret_access_key = " + secret + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("wrong")
	s := openOn(t, server, server.Address, func(o *Options) { o.Credentials, o.Profile = path, "node" })
	if err := store.Put(t.Context(), s, "in/file", []byte("x")); err == nil {
		t.Error("a wrong secret is taken")
	}
	write(s3test.SecretKey)
	if err := store.Put(t.Context(), s, "in/file", []byte("x")); err != nil {
		t.Error(err)
	}
}

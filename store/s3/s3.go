package s3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"iter"
	"math"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"jcsnode/store"
)

// Options of Open.
type Options struct {
	Endpoint string // URL, http or https, without a path
	Bucket   string
	Prefix   string // of all keys; "", or a name as store.CheckName wants it
	Region   string // empty: us-east-1, which services that know no regions take
	TLS      *tls.Config
	// Credentials is a file as S3 tools have it, and Profile what of it; without a file the environment tells: AWS_ACCESS_KEY_ID,
	// AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
	Credentials, Profile string
	Spool                string        // folder of this machine for what is being written
	Patience             time.Duration // for a connection, an answer, and for each sign of progress; 0: 30 s
	Attempts             int           // of each request, while it may help, and of an upload within one patience; 0: 3
	// OnePut is the largest object that goes up, or is copied, in one request; larger ones go in parts. 0: 5 GiB, which is what S3 takes.
	OnePut int64
}

// Store implements store.Store in a bucket.
type Store struct {
	opt       Options
	client    *minio.Core
	creds     *credentials.Credentials
	transport *http.Transport
	names     store.NameLocks
}

const (
	defaultPatience = 30 * time.Second
	defaultAttempts = 3
	defaultOnePut   = 5 << 30
	// copyPart bounds the parts of a copy: a service answers a part when it has it all.
	copyPart = 512 << 20
)

// Open makes the store. It asks the service nothing: one that is away now may be there later.
func Open(opt Options) (*Store, error) {
	u, err := url.Parse(opt.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint of the object store: %w", err)
	}
	if opt.Patience == 0 {
		opt.Patience = defaultPatience
	}
	if opt.Attempts == 0 {
		opt.Attempts = defaultAttempts
	}
	if opt.OnePut == 0 {
		opt.OnePut = defaultOnePut
	}
	if opt.Region == "" {
		opt.Region = "us-east-1"
	}
	s := &Store{opt: opt, creds: credentials.NewEnvAWS(), transport: transport(opt)}
	if opt.Credentials != "" {
		s.creds = credentials.NewFileAWSCredentials(opt.Credentials, opt.Profile)
	}
	if err := s.credible(); err != nil {
		return nil, err
	}
	s.client, err = minio.NewCore(u.Host, &minio.Options{
		Creds: s.creds, Secure: u.Scheme == "https", Transport: bounded{s.transport}, Region: opt.Region, MaxRetries: opt.Attempts,
	})
	if err != nil {
		return nil, fmt.Errorf("object store %s: %w", opt.Endpoint, err)
	}
	return s, nil
}

// credible makes sure that there are credentials: without any, a service would be asked as nobody, and refuse for reasons that mislead.
func (s *Store) credible() error {
	value, err := s.creds.GetWithContext(nil)
	switch {
	case err != nil:
		return fmt.Errorf("credentials of the object store: %w", err)
	case value.AccessKeyID != "" && value.SecretAccessKey != "":
		return nil
	case s.opt.Credentials != "":
		return fmt.Errorf("credentials of the object store: the profile has no aws_access_key_id and aws_secret_access_key in %s",
			s.opt.Credentials)
	}
	return errors.New("no credentials of the object store: name a file, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
}

// transport bounds every wait: for a connection, for an answer, and for each sign of progress within one.
func transport(opt Options) *http.Transport {
	dialer := &net.Dialer{Timeout: opt.Patience, KeepAlive: 15 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &patient{c, opt.Patience}, nil
		},
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       opt.TLS,
		TLSHandshakeTimeout:   opt.Patience,
		ResponseHeaderTimeout: opt.Patience,
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       opt.Patience / 2,
		DisableCompression:    true,
	}
}

// patient is a connection on which nothing may stand still for longer than a time.
type patient struct {
	net.Conn
	wait time.Duration
}

func (c *patient) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.wait)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *patient) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.wait)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// Close gives idle connections back.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// key is where a name lies in the bucket.
func (s *Store) key(name string) string {
	if s.opt.Prefix == "" {
		return name
	}
	return s.opt.Prefix + "/" + name
}

// told makes an error of a request one of the store. Credentials that were refused are read anew for the next request.
func (s *Store) told(ctx context.Context, doing, name string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden {
		s.creds.Expire()
	}
	return fault(doing, name, err)
}

// Has implements store.Reader.
func (s *Store) Has(ctx context.Context, name string) (bool, error) {
	_, has, err := s.stat(ctx, name)
	return has, err
}

func (s *Store) stat(ctx context.Context, name string) (minio.ObjectInfo, bool, error) {
	if err := store.CheckName(name); err != nil {
		return minio.ObjectInfo{}, false, err
	}
	info, err := s.client.StatObject(ctx, s.opt.Bucket, s.key(name), minio.StatObjectOptions{})
	if perhaps(err) {
		body, _, _, got := s.client.GetObject(ctx, s.opt.Bucket, s.key(name), minio.GetObjectOptions{})
		if notFound(got) {
			return info, false, nil
		}
		if got == nil {
			body.Close() // it came meanwhile: the next question finds it
		} else {
			err = got
		}
	}
	return info, err == nil, s.told(ctx, "get", name, err)
}

// Remove implements store.Store. The age is by the clock of the service.
func (s *Store) Remove(ctx context.Context, name string, before time.Time) (gone bool, err error) {
	if err := store.CheckName(name); err != nil {
		return false, err
	}
	defer s.names.Lock(name)()
	info, has, err := s.stat(ctx, name)
	if err != nil || !has {
		return !has && err == nil, err
	}
	if !before.IsZero() && !info.LastModified.Before(before) {
		return false, nil
	}
	err = s.client.RemoveObject(ctx, s.opt.Bucket, s.key(name), minio.RemoveObjectOptions{})
	if err != nil && !notFound(err) {
		return false, s.told(ctx, "delete", name, err)
	}
	return true, nil
}

// Move implements store.Store.
func (s *Store) Move(ctx context.Context, from, to string) error {
	if err := errors.Join(store.CheckName(from), store.CheckName(to)); err != nil {
		return err
	}
	defer s.names.Lock(from)()
	info, has, err := s.stat(ctx, from)
	if err == nil && !has {
		err = missing(from)
	}
	if err == nil {
		err = s.copy(ctx, from, to, info)
	}
	if err != nil {
		return err
	}
	err = s.client.RemoveObject(ctx, s.opt.Bucket, s.key(from), minio.RemoveObjectOptions{})
	return s.told(ctx, "delete", from, err)
}

// copy copies within the bucket. Onto its own name it makes an object as young as a new one.
func (s *Store) copy(ctx context.Context, from, to string, info minio.ObjectInfo) error {
	target := minio.CopyDestOptions{Bucket: s.opt.Bucket, Object: s.key(to), ReplaceMetadata: true,
		UserMetadata: map[string]string{sumKey: info.UserMetadata[sumKey]}}
	source := minio.CopySrcOptions{Bucket: s.opt.Bucket, Object: s.key(from)}
	var err error
	if info.Size <= s.opt.OnePut {
		_, err = s.client.Client.CopyObject(ctx, target, source)
	} else {
		target.PartSize = uint64(min(s.opt.OnePut, copyPart))
		_, err = s.client.ComposeObject(ctx, target, source)
	}
	if notFound(err) {
		return missing(from)
	}
	return s.told(ctx, "put", to, err)
}

// List implements store.Store.
func (s *Store) List(ctx context.Context, folder string) iter.Seq2[string, error] {
	return s.ListSince(ctx, folder, time.Time{})
}

// ListSince implements store.Store. A service lists them all, a thousand with each answer, and says of each how old it is.
func (s *Store) ListSince(ctx context.Context, folder string, since time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if err := store.CheckName(folder); err != nil {
			yield("", err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		own := s.key("")
		all := s.client.ListObjectsIter(ctx, s.opt.Bucket, minio.ListObjectsOptions{Prefix: s.key(folder) + "/", Recursive: true})
		for o := range all {
			if o.Err != nil {
				yield("", s.told(ctx, "list", folder, o.Err))
				return
			}
			name, below := strings.CutPrefix(o.Key, own)
			if !below || !strings.HasPrefix(name, folder+"/") || store.CheckName(name) != nil || o.LastModified.Before(since) {
				continue
			}
			if !yield(name, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield("", err)
		}
	}
}

// Room implements store.Store: a service does not tell what it has left, and says so when it is full.
func (s *Store) Room(context.Context) (store.Room, error) {
	return store.Room{Free: math.MaxInt64}, nil
}

package config

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"
)

// Values of Store.Kind.
const (
	StoreDisk   = "disk"   // in Node.DataDir
	StoreS3     = "s3"     // in a bucket
	StoreShared = "shared" // in a folder that several nodes see
)

// Store says where the files of instances and objects are.
type Store struct {
	Kind string `toml:"kind"` // "disk", "s3" or "shared"
	Path string `toml:"path"` // of "shared": the folder

	// Of "s3".
	Endpoint     string   `toml:"endpoint"` // URL
	Bucket       string   `toml:"bucket"`
	Prefix       string   `toml:"prefix"` // of all keys
	Region       string   `toml:"region"`
	Credentials  string   `toml:"credentials"` // file as S3 tools have it; empty: the environment
	Profile      string   `toml:"profile"`     // of that file; empty: "default"
	CA           string   `toml:"ca"`          // PEM file; empty: the authorities of the system
	TLSName      string   `toml:"tls_name"`    // that its certificate must have; empty: the host of the endpoint
	Insecure     bool     `toml:"insecure"`    // http to other machines
	BeforeAnswer bool     `toml:"before_answer"`
	Cache        Size     `toml:"cache"`   // of what was read of it, on this machine
	Timeout      Duration `toml:"timeout"` // for a connection, an answer, and each sign of progress
}

func defaultStore() Store {
	return Store{Kind: StoreDisk, Cache: 10 << 30, Timeout: Duration(30 * time.Second)}
}

// bucketName is what S3 takes, without dots, which certificates for buckets do not cover.
var (
	bucketName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	prefixNames = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$`)
)

// maxPrefix leaves room for names: a key has at most 1024 bytes.
const maxPrefix = 128

func (s *Store) check(add adder) {
	oneOf(add, "store.kind", s.Kind, StoreDisk, StoreS3, StoreShared)
	switch {
	case s.Kind == StoreShared && s.Path == "":
		add("store.path: missing; name the folder that the nodes share")
	case s.Kind != StoreShared && s.Path != "":
		add("store.path: is set, and store.kind is %q; say \"shared\", or leave it out", s.Kind)
	}
	if s.Kind != StoreS3 {
		if s.Endpoint != "" || s.Bucket != "" || s.Prefix != "" || s.Credentials != "" || s.CA != "" || s.BeforeAnswer {
			add("store.kind: %q, and keys of an object store are set; say \"s3\", or leave them out", s.Kind)
		}
		return
	}
	s.checkEndpoint(add)
	if !bucketName.MatchString(s.Bucket) {
		add("store.bucket: %q; 3 to 63 small letters, digits and \"-\"", s.Bucket)
	}
	if s.Prefix != "" && (!prefixNames.MatchString(s.Prefix) || len(s.Prefix) > maxPrefix) {
		add("store.prefix: %q; letters, digits and \"-_.\" between slashes, none at the ends, at most %d", s.Prefix, maxPrefix)
	}
	if s.Credentials != "" {
		if _, err := os.ReadFile(s.Credentials); err != nil {
			add("store.credentials: %v", err)
		}
	} else if s.Profile != "" {
		add("store.profile: is set, and no store.credentials, which it is of")
	}
	if s.Cache < 64<<20 {
		add("store.cache: %d bytes; at least \"64MB\", better what two studies have", s.Cache)
	}
	if s.Timeout < Duration(time.Second) || s.Timeout > Duration(5*time.Minute) {
		add("store.timeout: %v; \"1s\" to \"5m\"", s.Timeout)
	}
}

func (s *Store) checkEndpoint(add adder) {
	u, err := url.Parse(s.Endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		add("store.endpoint: no URL, such as \"https://s3.hospital:9000\"") // it may hold a password: it is not repeated
		return
	case u.User != nil:
		add("store.endpoint: names a user; credentials have a file or the environment, leave them out")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		add("store.endpoint: host and port alone; the bucket has a key of its own")
	case u.Scheme == "http" && !s.Insecure && !loopback(u.Hostname()):
		add("store.endpoint: http to another machine shows images to everybody on the way; use https, or say store.insecure = true")
	case u.Scheme == "http" && s.CA != "":
		add("store.ca: is set for an http URL")
	}
	checkTLSName(add, "store", s.TLSName, u.Scheme == "https")
	if s.CA != "" {
		checkAuthorities(add, "store.ca", s.CA)
	}
}

// FilesDir is the folder that files come into first: a shared one, or that of the node.
func (c *Config) FilesDir() string {
	if c.Store.Kind == StoreShared {
		return c.Store.Path
	}
	return c.Node.DataDir
}

// Describe says for the operator where files are, "" where they are in the data folder.
func (s *Store) Describe() string {
	switch s.Kind {
	case StoreShared:
		return "files in the shared folder " + s.Path
	case StoreS3:
		return "files in the bucket " + s.Bucket + " at " + s.Endpoint
	}
	return ""
}

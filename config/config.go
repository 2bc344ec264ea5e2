package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Config is the whole configuration, defaults filled in, paths absolute.
type Config struct {
	Path string `toml:"-"` // the file it was read from
	Hash string `toml:"-"` // of the bytes of that file, see Hash

	Node         Node          `toml:"node"`
	Ledger       Ledger        `toml:"ledger"`
	TLS          TLS           `toml:"tls"`
	Peers        []Peer        `toml:"peer"`
	Destinations []Destination `toml:"destination"`
	Webhooks     []Webhook     `toml:"webhook"`
	Stuck        Stuck         `toml:"stuck"`
	Settle       Settle        `toml:"settle"`
	Cascade      Cascade       `toml:"cascade"`
	Pipeline     Pipeline      `toml:"pipeline"`
	Models       Models        `toml:"models"`
	Objects      Objects       `toml:"objects"`
	Store        Store         `toml:"store"`
	Keep         Keep          `toml:"keep"`
	Web          Web           `toml:"web"`
	Metrics      Metrics       `toml:"metrics"`
	Log          Log           `toml:"log"`
}

// Node is the program as its DICOM peers see it.
type Node struct {
	AETitle                string   `toml:"ae_title"`
	Listen                 string   `toml:"listen"`   // host:port; an empty host is every interface
	DataDir                string   `toml:"data_dir"` // inbox, ledger and objects
	ID                     string   `toml:"id"`       // Device Serial Number (0018,1000) of our objects
	Name                   string   `toml:"name"`     // among nodes that share a ledger; empty: the host's, see OwnName
	Roles                  []string `toml:"roles"`    // what it does of the work
	CheckCalled            bool     `toml:"check_called"`
	MaxAssociations        int      `toml:"max_associations"`
	MaxAssociationsPerPeer int      `toml:"max_associations_per_peer"`
	MaxPDU                 int      `toml:"max_pdu"`  // bytes
	MinRate                Size     `toml:"min_rate"` // bytes per second at which a data set has to come, on average; 0: no limit
	Reserve                Size     `toml:"reserve"`  // disk space that reception leaves free
	AcceptOther            bool     `toml:"accept_other"`
	TransferSyntaxes       []string `toml:"transfer_syntaxes"` // UIDs that are accepted, the preferred first; empty: all that can be read
	Drain                  Duration `toml:"drain"`             // how long SIGTERM waits for open associations and running jobs
}

// Peer may open associations. Empty fields allow any value.
type Peer struct {
	AETitle     string   `toml:"ae_title"`
	Network     string   `toml:"network"`     // CIDR or a single address
	Quiet       Duration `toml:"quiet"`       // for studies that it sends; 0: that of [Settle]. Needs AETitle
	Certificate string   `toml:"certificate"` // common or DNS name that the peer's TLS certificate must have

	// Where reports of storage commitment go when the peer's own association is gone.
	Address string `toml:"address"` // host:port
	TLS     bool   `toml:"tls"`
	CA      string `toml:"ca"`       // PEM file; empty: the authorities of the system
	TLSName string `toml:"tls_name"` // that its certificate must have; empty: the host of address

	// StaysOpen tells that its associations stay open when a study is over, and so say nothing about whether it is.
	StaysOpen bool `toml:"stays_open"`

	// SilentAfter is how long nothing may come from it before a [[webhook]] hears of that; 0: for ever. Needs AETitle.
	SilentAfter Duration `toml:"silent_after"`
}

// Prefix is the network of the peer; the zero prefix allows any address.
func (p Peer) Prefix() (netip.Prefix, error) {
	if p.Network == "" {
		return netip.Prefix{}, nil
	}
	if !strings.Contains(p.Network, "/") {
		a, err := netip.ParseAddr(p.Network)
		if err != nil {
			return netip.Prefix{}, err
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(p.Network)
}

// Settle says when a study is complete enough to be read.
type Settle struct {
	Quiet Duration `toml:"quiet"` // since the last byte of the study
	Limit Duration `toml:"limit"` // upper bound since its first
}

// Pipeline bounds the work on studies.
type Pipeline struct {
	Workers int `toml:"workers"` // studies, hence volumes, in memory at a time
}

// Models says which networks run where.
type Models struct {
	Dir     string `toml:"dir"`
	Device  string `toml:"device"`  // "auto", "cuda", "openvino" or "cpu"
	Library string `toml:"library"` // ONNX Runtime shared library; empty: look in the usual places
	Threads int    `toml:"threads"` // CPU threads for inference; 0: all cores
	Altered string `toml:"altered"` // "refuse" or "allow": networks whose files are not those of the manifest
}

// Objects is what all objects have in common, wherever they go. What a destination gets stands in [Destination].
type Objects struct {
	SeriesBase int  `toml:"series_base"`
	SCGeometry bool `toml:"sc_geometry"` // the plane of the slice in secondary captures
}

// Keep says how long the files of a study, and the ledger's rows of its instances, stay when all about it is over.
type Keep struct {
	Days       int `toml:"days"`        // 0: for ever
	LedgerDays int `toml:"ledger_days"` // 0: for ever
}

// Log says how much is logged, and how.
type Log struct {
	Level  string `toml:"level"`  // "debug", "info", "warn", "error"
	Format string `toml:"format"` // "auto", "text", "json"
}

// Default is the configuration of an empty file.
func Default() Config {
	return Config{
		Node: Node{
			AETitle: "JCSNODE", Listen: ":11112", DataDir: "data", ID: "1", Roles: Roles(), CheckCalled: true,
			MaxAssociations: 256, MaxAssociationsPerPeer: 128, MaxPDU: 131072, MinRate: 1 << 10,
			Reserve: 2 << 30, TransferSyntaxes: []string{}, Drain: Duration(30 * time.Second),
		},
		TLS:      TLS{RequireClientCertificate: true, ExpiryWarning: Duration(30 * 24 * time.Hour)},
		Stuck:    Stuck{Study: Duration(time.Hour), Delivery: Duration(time.Hour)},
		Settle:   Settle{Quiet: Duration(60 * time.Second), Limit: Duration(90 * time.Minute)},
		Cascade:  defaultCascade(),
		Pipeline: Pipeline{Workers: 1},
		Models:   Models{Dir: "models", Device: "auto", Altered: "refuse"},
		Objects:  Objects{SeriesBase: 9100, SCGeometry: true},
		Store:    defaultStore(),
		Web:      Web{Auth: AuthNone, TrustedProxies: []string{}, Hosts: []string{}, Identifiers: IdentifiersUIDs, Try: defaultTry()},
		Metrics:  Metrics{AllowedNetworks: []string{"127.0.0.1/32"}},
		Log:      Log{Level: "info", Format: "auto"},
	}
}

// Problems are all mistakes of one configuration.
type Problems []string

func (p Problems) Error() string {
	mistakes := fmt.Sprintf("%d mistakes", len(p))
	if len(p) == 1 {
		mistakes = "1 mistake"
	}
	return mistakes + " in the configuration:\n  " + strings.Join(p, "\n  ")
}

// Places are where the configuration lies that nobody named: here, then where an installation has it.
func Places() []string { return []string{"config.toml", "/etc/jcsnode/config.toml"} }

// Find is the first of the files that is there, be it unreadable. Where none is seen it is the first that may be there, in a folder that
// may not be looked into, as root's is for another user, else the first of all.
func Find(places []string) string {
	hidden := ""
	for _, p := range places {
		_, err := os.Stat(p)
		if err == nil {
			return p
		}
		if hidden == "" && !errors.Is(err, fs.ErrNotExist) {
			hidden = p
		}
	}
	if hidden != "" {
		return hidden
	}
	return places[0]
}

// Hash is of the bytes of a configuration file, "" if it cannot be read.
func Hash(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return hashOf(text)
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Load reads and checks the file, for commands that need no data folder: they must work for a user who may not write it. The error is a
// [Problems] when the file could be read.
func Load(path string) (Config, error) {
	c, problems, err := checked(path)
	if err == nil && len(problems) > 0 {
		err = problems
	}
	return c, err
}

// checked gives the values of the file and their mistakes; the error is for a file whose values cannot be taken.
func checked(path string) (Config, Problems, error) {
	c, problems, err := read(path)
	if err != nil {
		return c, nil, err
	}
	return c, append(problems, c.check()...), nil
}

// Read reads the file without checking its values, for commands that only look: they must work for a user who may not write the data
// folder, and beside a node that would not start again. A key that is not known is an error here, too: what it should have said, such
// as where the data folder is, would be missed. So is a URL of the ledger that a node would refuse: it must not be shown.
func Read(path string) (Config, error) {
	c, problems, err := read(path)
	if err == nil {
		c.Ledger.checkURL(func(format string, a ...any) { problems = append(problems, fmt.Sprintf(format, a...)) })
	}
	if err == nil && len(problems) > 0 {
		err = problems
	}
	return c, err
}

// read gives the values of the file and its unknown keys; the error is for a file whose values cannot be taken.
func read(path string) (Config, Problems, error) {
	c := Default()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil, fmt.Errorf("read the configuration: there is no %s. Write one: %s lists every key with its default, and the empty "+
			"file is good. --config names another (without it, %s is looked for)", path, example(), strings.Join(Places(), ", then "))
	}
	if err != nil {
		return c, nil, fmt.Errorf("read the configuration: %w", err)
	}
	var file map[string]any
	if _, err := toml.Decode(string(text), &file); err != nil {
		return c, nil, Problems{tomlProblem(path, err)}
	}
	s := shapeOf(string(text), file)
	if len(s.mistyped) > 0 {
		return c, nil, append(s.mistyped, s.unknown...)
	}
	if err := decode(string(text), &c); err != nil {
		return Default(), nil, Problems{tomlProblem(path, err)}
	}
	c.Path, c.Hash = path, hashOf(text)
	c.resolve(filepath.Dir(path))
	return c, s.unknown, nil
}

// example is where the file with all keys lies: that of a package, if there is one.
func example() string {
	const packaged = "/usr/share/jcsnode/config.toml"
	if _, err := os.Stat(packaged); err == nil {
		return packaged
	}
	return "config.toml of the program"
}

func tomlProblem(path string, err error) string {
	var at toml.ParseError
	if errors.As(err, &at) {
		text := fmt.Sprintf("%s, line %d: %s", path, at.Position.Line, at.Message)
		if strings.HasPrefix(at.Message, "expected value but found") {
			text += "; a text stands in quotes"
		}
		return text
	}
	return fmt.Sprintf("%s: %v", path, err)
}

// decode reads the text into the configuration, which holds the defaults; each destination starts from its own.
func decode(text string, c *Config) error {
	var file struct {
		*Config
		Destinations []toml.Primitive `toml:"destination"`
	}
	file.Config = c
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return err
	}
	for _, p := range file.Destinations {
		d := DefaultDestination()
		if err := meta.PrimitiveDecode(p, &d); err != nil {
			return err
		}
		c.Destinations = append(c.Destinations, d)
	}
	return nil
}

// resolve makes paths absolute and fills what defaults to another key.
func (c *Config) resolve(base string) {
	if abs, err := filepath.Abs(base); err == nil {
		base = abs
	}
	in := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(base, p)
	}
	c.Node.DataDir = in(c.Node.DataDir)
	c.Ledger.PasswordFile = in(c.Ledger.PasswordFile)
	c.Models.Library = in(c.Models.Library)
	c.Models.Dir = modelsDir(in(c.Models.Dir), c.Models.Dir)
	for _, path := range []*string{&c.TLS.Certificate, &c.TLS.Key, &c.TLS.ClientCA,
		&c.Web.Certificate, &c.Web.Key, &c.Web.UsersFile, &c.Store.Path, &c.Store.Credentials, &c.Store.CA} {
		*path = in(*path)
	}
	for i := range c.Peers {
		c.Peers[i].CA = in(c.Peers[i].CA)
	}
	for i := range c.Webhooks {
		c.Webhooks[i].resolve(in)
	}
	for i := range c.Destinations {
		d := &c.Destinations[i]
		d.CA, d.Certificate, d.Key = in(d.CA), in(d.Certificate), in(d.Key)
		if d.CommitmentAETitle == "" {
			d.CommitmentAETitle = d.AETitle
		}
		if d.CallingAETitle == "" {
			d.CallingAETitle = c.Node.AETitle
		}
		if d.Name == "" {
			d.Name = d.AETitle
		}
	}
}

// modelsDir is the first folder with a manifest: beside the configuration, then where the program was started or
// installed, so that a configuration elsewhere finds the networks that came with the program.
func modelsDir(beside, named string) string {
	places := []string{beside}
	if !filepath.IsAbs(named) {
		if wd, err := os.Getwd(); err == nil {
			places = append(places, filepath.Join(wd, named))
		}
		if exe, err := os.Executable(); err == nil {
			places = append(places, filepath.Join(filepath.Dir(exe), "..", named))
		}
	}
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, "manifest.toml")); err == nil {
			return p
		}
	}
	return beside
}

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/node"
	"jcsnode/pgtest"
	"jcsnode/phantom"
	"jcsnode/scu"
	"jcsnode/store/s3test"
)

// arrival is an object that a node sent.
type arrival struct {
	at   time.Time
	node string // its AE title
	uid  string
	sum  [sha256.Size]byte
}

// recorder is a PACS that remembers every C-STORE.
type recorder struct {
	port int

	mu    sync.Mutex
	all   []arrival
	files map[string][]byte // by UID, the last
	few   bool              // keeps the files of rejections alone: those of an hour are too many
	pause time.Duration     // before each answer
}

func startRecorder(t *testing.T, host string) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{port: l.Addr().(*net.TCPAddr).Port, files: map[string][]byte{}}
	s := &dimse.Server{Accept: acceptAny, Handler: r, Logger: slog.New(slog.DiscardHandler),
		ImplementationClassUID: object.ImplementationClassUID, ImplementationVersion: object.ImplementationVersionName}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() { stop(); <-ended })
	return r
}

// Echo implements dimse.Handler, as does what follows.
func (r *recorder) Echo(context.Context, *dimse.Association) dimse.Status { return dimse.StatusSuccess }

func (r *recorder) Closed(*dimse.Association, error) {}

func (r *recorder) Store(ctx context.Context, a *dimse.Association, req *dimse.StoreRequest) (dimse.Status, string) {
	var b bytes.Buffer
	err := dataset.WriteMeta(&b, dataset.Meta{SOPClassUID: req.SOPClassUID, SOPInstanceUID: req.SOPInstanceUID,
		TransferSyntaxUID: req.TransferSyntaxUID, ImplementationClassUID: object.ImplementationClassUID})
	if err == nil {
		_, err = b.ReadFrom(req.Body)
	}
	if err != nil {
		return dimse.StatusOutOfResources, "cut"
	}
	r.mu.Lock()
	pause := r.pause
	r.all = append(r.all, arrival{time.Now(), a.Requestor().CallingAETitle, req.SOPInstanceUID, sha256.Sum256(b.Bytes())})
	if !r.few || req.SOPClassUID == object.KeyObjectSelectionDocumentStorage {
		r.files[req.SOPInstanceUID] = b.Bytes()
	}
	r.mu.Unlock()
	time.Sleep(pause)
	return dimse.StatusSuccess, ""
}

func (r *recorder) address() string { return fmt.Sprintf("127.0.0.1:%d", r.port) }

func (r *recorder) arrivals() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]arrival(nil), r.all...)
}

func (r *recorder) slow(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause = d
}

// ward is several nodes on one database and one store, with one destination, and scanners that send.
type ward struct {
	dir      string
	postgres *pgtest.Cluster
	address  string
	store    *s3test.Server // nil with a shared folder
	files    string         // text of [store]
	pacs     *recorder
	host     string // address of the PACS; "": this machine's
	ledger   *ledger.Ledger
	nodes    []*lab
	names    []string
	doors    []*lab // those of the nodes that are
	networks string

	mu    sync.Mutex
	acked map[string]string // study of each instance that a door has answered for
}

// newWard starts database, store and PACS. Nodes come with add.
func newWard(t *testing.T) *ward {
	t.Helper()
	w := newSharedWard(t)
	w.store = s3test.Start(t)
	credentials := filepath.Join(w.dir, "credentials") // the environment is of all tests that run
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", s3test.AccessKey, s3test.SecretKey)
	if err := os.WriteFile(credentials, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.files = bucketConfig(w.store, fmt.Sprintf("credentials = %q", credentials))
	return w
}

// newSharedWard has a shared folder for a store, and may have lines more for postgresql.conf. The PACS listens on every address.
func newSharedWard(t *testing.T, settings ...string) *ward {
	t.Helper()
	w := &ward{dir: t.TempDir(), postgres: pgtest.Start(t, append(settings, "synchronous_commit = on")...),
		pacs: startRecorder(t, ""), networks: exactNetworks(t), acked: map[string]string{}}
	w.address = w.postgres.Database(t, "", nil)
	w.files = fmt.Sprintf("[store]\nkind = \"shared\"\npath = %q\n", t.TempDir())
	return w
}

const wardConfig = `device = "cpu"
threads = 1
[settle]
quiet = "1s"
[cascade]
threshold = 0
threshold_mm = 0.0
`

// add writes the configuration of a node and starts nothing. data is its folder, "" for one of its own.
func (w *ward) add(t *testing.T, name, data string, roles ...string) *lab {
	t.Helper()
	l := &lab{dir: filepath.Join(w.dir, name), port: freePort(t)}
	if data == "" {
		data = filepath.Join(l.dir, "data")
	}
	if err := os.MkdirAll(l.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	l.config = filepath.Join(l.dir, "config.toml")
	text := fmt.Sprintf("[node]\nlisten = \"127.0.0.1:%d\"\ndata_dir = %q\nreserve = \"0\"\nname = %q\nroles = [\"%s\"]\n"+
		"[ledger]\nurl = %q\ninsecure = %t\n%s[models]\ndir = %q\n%s%scalling_ae_title = %q\n"+
		"objects = [\"summary\", \"segmentation\", \"report\"]\nrejection = true\nretry_first = \"1s\"\nretry_longest = \"2s\"\n",
		l.port, data, name, strings.Join(roles, `", "`), w.address, w.host != "", w.files, w.networks, wardConfig,
		strings.Replace(destination("pacs", "PACS", w.pacs.port), "127.0.0.1", cmp.Or(w.host, "127.0.0.1"), 1), strings.ToUpper(name))
	if err := os.WriteFile(l.config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	w.nodes, w.names = append(w.nodes, l), append(w.names, name)
	if slices.Contains(roles, "door") {
		w.doors = append(w.doors, l)
	}
	return l
}

// look opens the ledger beside the nodes, once one of them has made it.
func (w *ward) look(t *testing.T) {
	t.Helper()
	var err error
	if w.ledger, err = ledger.Open(t.Context(), w.address, ledger.Options{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.ledger.Close() })
}

// send gives files of a study to a door, and to the next one what it does not take, until all are answered for or ctx ends.
func (w *ward) send(ctx context.Context, study string, files []scu.File, doors ...*lab) error {
	left := files
	for try := 0; len(left) > 0; try++ {
		if ctx.Err() != nil {
			return fmt.Errorf("%d of %d files of %s are not answered for", len(left), len(files), study)
		}
		stored := map[string]bool{}
		to := scu.Acceptor{Address: doors[try%len(doors)].address(), CalledAETitle: "JCSNODE",
			Dialer: node.Dialer("SCANNER", 2*time.Second)}
		err := to.Send(ctx, left, func(f scu.File, refusal error) {
			if refusal == nil {
				stored[f.SOPInstanceUID] = true
			}
		})
		w.mu.Lock()
		for uid := range stored {
			w.acked[uid] = study
		}
		w.mu.Unlock()
		var rest []scu.File
		for _, f := range left {
			if !stored[f.SOPInstanceUID] {
				rest = append(rest, f)
			}
		}
		left = rest
		if err != nil || len(left) > 0 {
			time.Sleep(100 * time.Millisecond)
		}
	}
	return nil
}

// history is nil while the database does not know the study, or does not answer.
func (w *ward) history(ctx context.Context, study string) *ledger.History {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	h, err := w.ledger.History(ctx, study)
	if err != nil {
		return nil
	}
	return h
}

// over waits until all that was answered for is read and all that was made is delivered.
func (w *ward) over(t *testing.T, studies []string, limit time.Duration) map[string]*ledger.History {
	t.Helper()
	all := map[string]*ledger.History{}
	deadline := time.Now().Add(limit)
	for _, study := range studies {
		for {
			h := w.history(t.Context(), study)
			why := w.unfinished(study, h)
			if why == nil {
				all[study] = h
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("not within %v: study %s: %v", limit, study, why)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	return all
}

// unfinished says what has still to happen to a study.
func (w *ward) unfinished(study string, h *ledger.History) error {
	if h == nil {
		return errors.New("it is not in the ledger, or that does not answer")
	}
	settled := map[string]bool{}
	for _, i := range h.Instances {
		settled[i.SOPInstanceUID] = i.Revision > 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for uid, of := range w.acked {
		if of == study && !settled[uid] {
			return fmt.Errorf("instance %s was answered for and is in no revision", uid)
		}
	}
	if h.State != ledger.StateReported {
		return fmt.Errorf("it is %s", h.State)
	}
	for _, r := range h.Revisions {
		for _, d := range r.Deliveries {
			if d.State == ledger.DeliveryWaiting {
				return fmt.Errorf("%s of revision %d waits: %s", d.Object.Kind, r.Number, d.Detail)
			}
		}
	}
	return nil
}

// stamps makes many studies of one, with UIDs of their own.
type stamps struct {
	dir, study string
	files      map[string][]byte
	next       int
}

func newStamps(t *testing.T, opt phantom.Options) *stamps {
	t.Helper()
	s := &stamps{dir: t.TempDir()}
	first := filepath.Join(s.dir, "first")
	if err := phantom.Write(t.Context(), first, opt); err != nil {
		t.Fatal(err)
	}
	s.study, s.files = studyUID(t, first), foldertest.Files(t, first)
	return s
}

// copy makes studies of the same one for somebody else.
func (s *stamps) copy(t *testing.T) *stamps {
	t.Helper()
	return &stamps{dir: t.TempDir(), study: s.study, files: s.files}
}

// stamp writes a study and gives its UID and its files.
func (s *stamps) stamp(t *testing.T) (string, []scu.File) {
	t.Helper()
	s.next++
	dir := filepath.Join(s.dir, fmt.Sprint(s.next))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stamped := func(uid string) string { return uid[:6] + fmt.Sprintf("%06d", s.next) + uid[12:] }
	for name, file := range s.files {
		f, err := dataset.Read(bytes.NewReader(file), int64(len(file)), dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range []dataset.Tag{dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID} {
			uid := f.Set().String(tag)
			file = bytes.ReplaceAll(file, []byte(uid), []byte(stamped(uid)))
		}
		f.Close()
		if err := os.WriteFile(filepath.Join(dir, name), file, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files, _ := scu.Find([]string{dir})
	if len(files) != len(s.files) {
		t.Fatalf("%d files of %d", len(files), len(s.files))
	}
	return stamped(s.study), files
}

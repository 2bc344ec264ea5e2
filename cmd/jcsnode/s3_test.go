package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/foldertest"
	"jcsnode/ledger"
	"jcsnode/phantom"
	"jcsnode/store/s3test"
)

// s3Config has a node keep its files in a server's bucket, by the credentials of the environment.
func s3Config(t *testing.T, server *s3test.Server, more string) string {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	return bucketConfig(server, more)
}

func bucketConfig(server *s3test.Server, more string) string {
	return fmt.Sprintf("[store]\nkind = \"s3\"\nendpoint = %q\nbucket = %q\nprefix = \"chest\"\ntimeout = \"2s\"\n%s\n",
		server.Endpoint(), s3test.Bucket, more)
}

// site is a node and the archive that it delivers to.
type site struct {
	*lab
	archived string // folder of the archive
}

const siteConfig = "[cascade]\nthreshold = 0\nthreshold_mm = 0.0\n[settle]\nquiet = \"2s\"\n[keep]\n"

func newSite(t *testing.T, more string) *site {
	t.Helper()
	s := &site{archived: filepath.Join(t.TempDir(), "archive")}
	port := freePort(t)
	s.lab = newLabWith(t, exactNetworks(t), goldenDevice, siteConfig, more, destination("archive", "ARCHIVE", port),
		"objects = [\"summary\", \"segmentation\", \"report\", \"activation\", \"outline\"]\n"+
			"retry_first = \"1s\"\nretry_longest = \"2s\"\n")
	start(t, program(t.Context(), "archive", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--out", s.archived),
		filepath.Join(s.dir, "archive.log"))
	return s
}

func (s *site) send(t *testing.T, folder string) {
	t.Helper()
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(s.port), "+sd", folder)
}

// delivered is what the archive holds, without the time of the findings.
func (s *site) delivered(t *testing.T) map[string][]byte {
	t.Helper()
	all := foldertest.Files(t, s.archived)
	for name, content := range all {
		all[name] = timeless(t, content)
	}
	return all
}

// The same study at a node on its disk and at one on an object store that is away for some seconds in the middle of it: every instance is
// answered with success, and the archives hold the same, to the byte.
func TestS3_SameResultsAsOnTheDisk(t *testing.T) {
	tool(t, "storescu")
	server := s3test.Start(t)
	folder := filepath.Join(t.TempDir(), "study")
	goldenPhantom(t, folder, phantom.Options{Slices: 24, Spacing: 12, Lesions: true}, "ISO_IR 100", "M\xfcller^\xc5sa")
	uid := studyUID(t, folder)
	early, late := split(t, folder, 12)

	onDisk := newSite(t, "")
	onDisk.serve(t)
	onDisk.send(t, early)
	onDisk.send(t, late)
	want := onDisk.settled(t, uid, time.Minute)
	onDisk.node.stop(t)
	objects := onDisk.delivered(t)
	if len(objects) < 10 || want.State != ledger.StateReported {
		t.Fatalf("%d objects, %s: nothing is compared", len(objects), want.State)
	}

	compare := func(t *testing.T, s *site) {
		t.Helper()
		if got := s.settled(t, uid, time.Minute); len(got.Instances) != 24 || got.State != want.State {
			t.Errorf("%d instances, %s %+v", len(got.Instances), got.State, got.Reason)
		}
		got := s.delivered(t)
		if len(got) != len(objects) {
			t.Errorf("%d objects at the archive, want %d", len(got), len(objects))
		}
		for name, content := range objects {
			if !bytes.Equal(got[name], content) {
				t.Errorf("%s differs from that of the disk", name)
			}
		}
	}
	t.Run("shared folder", func(t *testing.T) {
		shared := t.TempDir()
		s := newSite(t, fmt.Sprintf("[store]\nkind = \"shared\"\npath = %q\n", shared))
		s.serve(t)
		s.send(t, early)
		s.send(t, late)
		compare(t, s)
		for folder, want := range map[string]int{shared: 24, filepath.Join(s.dir, "data"): 0} {
			if files, err := filepath.Glob(filepath.Join(folder, "inbox", "*", "*.dcm")); err != nil || len(files) != want {
				t.Errorf("%d instances in %s, %v; want %d", len(files), folder, err, want)
			}
		}
	})
	for name, more := range map[string]string{"answered first": "", "stored first": "before_answer = true"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, s3Config(t, server, more))
			log := func() string {
				text, err := os.ReadFile(s.node.log)
				if err != nil {
					t.Fatal(err)
				}
				return string(text)
			}
			s.serve(t)
			s.send(t, early)
			server.Kill(t)
			if more == "" {
				s.send(t, late)
				eventually(t, 30*time.Second, "there are results", func() bool { return s.beyond(t, uid, ledger.StateProcessing) })
				s.node.kill() // what waits for the store, instances and results, is on the disk
				s.serve(t)
				eventually(t, 10*time.Second, "the next one says so, too", func() bool {
					return strings.Count(log(), "files wait on this machine") == 2
				})
				server.Resume(t)
			} else {
				server.Resume(t)
				s.send(t, late)
			}
			compare(t, s)
			eventually(t, 30*time.Second, "all instances are in the store", func() bool {
				left, err := filepath.Glob(filepath.Join(s.dir, "data", "inbox", "*", "*.dcm"))
				return err == nil && len(left) == 0
			})
			if more == "" {
				eventually(t, 10*time.Second, "the log says that the store is back", func() bool {
					return strings.Contains(log(), "takes files again")
				})
			}
			s.node.stop(t)
			if text := log(); strings.Contains(text, s3test.SecretKey) || strings.Contains(text, s3test.AccessKey) {
				t.Error("the log tells credentials")
			}
			if err := os.RemoveAll(filepath.Join(server.Folder, "chest")); err != nil { // for the other
				t.Fatal(err)
			}
		})
	}
}

// check says what the store lacks, in the words of a person who can mend it.
func TestS3_Check(t *testing.T) {
	server := s3test.Start(t)
	good := s3Config(t, server, "")
	for name, c := range map[string]struct {
		config, secret string
		want           string // "": all is good
	}{
		"good":         {good, s3test.SecretKey, ""},
		"wrong secret": {good, "another", "the secret key is wrong"},
		"no bucket":    {strings.Replace(good, `bucket = "studies"`, `bucket = "another"`, 1), s3test.SecretKey, "there is no such bucket"},
		"away":         {strings.Replace(good, server.Address, "127.0.0.1:1", 1), s3test.SecretKey, "nobody listens there"},
		"no secret":    {good, "", "no credentials of the object store: name a file, or set AWS_ACCESS_KEY_ID"},
		"no such file": {strings.Replace(good, "prefix", "credentials = \"none\"\nprefix", 1), s3test.SecretKey,
			"store.credentials: open"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_SECRET_ACCESS_KEY", c.secret)
			l := newLabWith(t, exactNetworks(t), goldenDevice, c.config)
			out, err := program(t.Context(), "check", "--config", l.config).CombinedOutput()
			text := string(out)
			if (err == nil) != (c.want == "") || !strings.Contains(text, c.want) || c.secret != "" && strings.Contains(text, c.secret) {
				t.Errorf("%v, want %q:\n%s", err, c.want, text)
			}
			if c.want == "" && !strings.Contains(text, "files in the bucket studies at "+server.Endpoint()) {
				t.Errorf("where files are is not said:\n%s", text)
			}
		})
	}
}

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
)

// committed waits until the destination has committed to every object of the study.
func (l *lab) committed(t *testing.T, study string) *studyStatusJSON {
	t.Helper()
	var s *studyStatusJSON
	eventually(t, 3*time.Minute, "every object is committed", func() bool {
		s = l.study(t, study)
		if s == nil || len(s.Revisions) == 0 || len(s.Revisions[0].Deliveries) == 0 {
			return false
		}
		for _, d := range s.Revisions[0].Deliveries {
			if d.Commitment != ledger.ObjectCommitted {
				return false
			}
		}
		return true
	})
	return s
}

// sendPhantom has the node process a short study of nobody.
func (l *lab) sendPhantom(t *testing.T) (study string) {
	t.Helper()
	phantom := filepath.Join(l.dir, "phantom")
	jcsnode(t, "phantom", "--out", phantom, "--slices", "8")
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", phantom)
	return studyUID(t, phantom)
}

// Orthanc commits to what it was sent, by a report on an association of its own.
func TestCommitmentSCU_Orthanc(t *testing.T) {
	t.Parallel()
	archive := startOrthanc(t)
	l := newLabWith(t, exactNetworks(t),
		destination("pacs", "ORTHANC", archive.dicom)+"commitment = true\ncalling_ae_title = \"JCS_OUT\"\n",
		"[settle]\nquiet = \"1s\"\n")
	archive.send(t, http.MethodPut, "/modalities/jcs",
		fmt.Sprintf(`{"AET": "JCS_OUT", "Host": "127.0.0.1", "Port": %d, "AllowStorageCommitment": true}`, l.port))
	const accepted = "storage commitment  1.2.840.10008.1.20.1 by ORTHANC  accepted"
	if out := jcsnode(t, "preflight", "--config", l.config); !strings.Contains(out, accepted) {
		t.Errorf("preflight says:\n%s", out)
	}
	l.serve(t)
	study := l.sendPhantom(t)
	s := l.committed(t, study)
	if c := s.Revisions[0].Commitments; len(c) != 1 || c[0].Asked != 1 || c[0].State != ledger.SCUAnswered {
		t.Errorf("%+v", c)
	}
	if out := jcsnode(t, "explain", "--config", l.config, study); !strings.Contains(out, "pacs gave storage commitment for ") {
		t.Errorf("explain says:\n%s", out)
	}
}

// An archive of pynetdicom misses one object at first: it is sent again, asked about, and then committed. Where the report comes on an
// association of the archive's own, the node is killed before it does.
func TestCommitmentSCU_Pynetdicom(t *testing.T) {
	t.Parallel()
	python := peersPython(t)
	for _, mode := range []string{"same", "new"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			port := freePort(t)
			l := newLabWith(t, exactNetworks(t), destination("pacs", "ARCHIVE", port)+
				"commitment = true\ncalling_ae_title = \"JCS_OUT\"\ncommitment_ae_title = \"SAFE\"\n", "[settle]\nquiet = \"1s\"\n")
			log := filepath.Join(l.dir, "archive.log")
			start(t, exec.CommandContext(context.WithoutCancel(t.Context()), python,
				"testdata/commitment_scp.py", fmt.Sprint(port), fmt.Sprint(l.port), mode), log)
			eventually(t, time.Minute, "the archive answers", func() bool {
				return program(t.Context(), "preflight", "--config", l.config).Run() == nil
			})
			l.serve(t)
			study := l.sendPhantom(t)
			if mode == "new" {
				eventually(t, 3*time.Minute, "the archive is asked", func() bool {
					text, err := os.ReadFile(log)
					return err == nil && strings.Contains(string(text), "asked about")
				})
				l.node.kill()
				l.serve(t)
			}
			s := l.committed(t, study)
			objects := len(s.Revisions[0].Deliveries)
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			said := string(text)
			for want, n := range map[string]int{
				"store ": objects + 1, "called SAFE": 2, "answer 0000H": 2, fmt.Sprintf("asked about %d,", objects): 1,
			} {
				if got := strings.Count(said, want); got < n {
					t.Errorf("the archive says %q %d times, want %d", want, got, n)
				}
			}
			resent := 0
			for _, d := range s.Revisions[0].Deliveries {
				resent += d.Resent
			}
			if resent != 1 {
				t.Errorf("%d objects were sent again, want 1", resent)
			}
		})
	}
}

// peersPython is the Python of the tests' peers.
func peersPython(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(cache, "jcsnode", "peers", "bin", "python")
	if exec.Command(python, "-c", "import pynetdicom").Run() != nil {
		absent(t, "pynetdicom in "+python+" (make peers)")
	}
	return python
}

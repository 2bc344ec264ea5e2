package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/ledger"
)

func (o *orthanc) send(t *testing.T, method, path, body string) []byte {
	t.Helper()
	rq, err := http.NewRequestWithContext(t.Context(), method, fmt.Sprintf("http://127.0.0.1:%d%s", o.http, path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(rq)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var answer json.RawMessage
	_ = json.NewDecoder(r.Body).Decode(&answer) // some answers are empty
	if r.StatusCode != http.StatusOK {
		t.Fatalf("Orthanc %s %s: %s %s", method, path, r.Status, answer)
	}
	return answer
}

// Orthanc asks whether what it sent is safe. It takes the report on a new association only.
func TestCommitment_Orthanc(t *testing.T) {
	t.Parallel()
	modality := startOrthanc(t)
	l := newLabWith(t, exactNetworks(t),
		fmt.Sprintf("[[peer]]\nae_title = \"ORTHANC\"\naddress = \"127.0.0.1:%d\"\n[[peer]]\nae_title = \"JCSNODE\"\n", modality.dicom))
	l.serve(t)
	phantom := filepath.Join(l.dir, "phantom")
	jcsnode(t, "phantom", "--out", phantom, "--slices", "8")
	jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", phantom)
	files, _ := filepath.Glob(filepath.Join(phantom, "*.dcm"))
	first, err := dataset.Open(files[0], dataset.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	class, instance := first.Set().String(dataset.SOPClassUID), first.Set().String(dataset.SOPInstanceUID)
	study := first.Set().String(dataset.StudyInstanceUID)
	first.Close()

	modality.send(t, http.MethodPut, "/modalities/jcs",
		fmt.Sprintf(`{"AET": "JCSNODE", "Host": "127.0.0.1", "Port": %d, "AllowStorageCommitment": true}`, l.port))
	ask := func(instance string) string {
		t.Helper()
		var transaction struct{ ID string }
		answer := modality.send(t, http.MethodPost, "/modalities/jcs/storage-commitment",
			fmt.Sprintf(`{"DicomInstances": [{"SOPClassUID": %q, "SOPInstanceUID": %q}]}`, class, instance))
		if err := json.Unmarshal(answer, &transaction); err != nil {
			t.Fatal(err)
		}
		var outcome struct{ Status string }
		eventually(t, time.Minute, "Orthanc has the report", func() bool {
			modality.json(t, "/storage-commitment/"+transaction.ID, &outcome)
			return outcome.Status != "Pending"
		})
		return outcome.Status
	}
	if got := ask(instance); got != "Success" {
		t.Errorf("a stored instance: %s", got)
	}
	if got := ask("1.2.3"); got != "Failure" {
		t.Errorf("an unknown instance: %s", got)
	}
	eventually(t, 10*time.Second, "the report is in the study's history", func() bool {
		s := l.study(t, study)
		for _, e := range s.Events {
			if e.Kind == ledger.EventCommitmentReported {
				return true
			}
		}
		return false
	})
}

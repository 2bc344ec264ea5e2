package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// orthanc is a real archive.
type orthanc struct {
	dicom, http int
}

func startOrthanc(t *testing.T) *orthanc {
	t.Helper()
	program := tool(t, "Orthanc")
	o := &orthanc{dicom: freePort(t), http: freePort(t)}
	dir := t.TempDir()
	config := filepath.Join(dir, "orthanc.json")
	text := fmt.Sprintf(
		`{"Name": "test", "StorageDirectory": %q, "IndexDirectory": %q, "DicomPort": %d, "HttpPort": %d, "DicomAet": "ORTHANC",
		"RemoteAccessAllowed": false, "AuthenticationEnabled": false, "StableAge": 1}`,
		filepath.Join(dir, "db"), filepath.Join(dir, "db"), o.dicom, o.http)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	p := start(t, exec.CommandContext(context.WithoutCancel(t.Context()), program, config), filepath.Join(dir, "orthanc.log"))
	eventually(t, time.Minute, "Orthanc answers", func() bool {
		select {
		case <-p.ended:
			t.Fatal("Orthanc ended at once")
		default:
		}
		_, err := o.get("/system")
		return err == nil
	})
	return o
}

func (o *orthanc) get(path string) ([]byte, error) {
	r, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", o.http, path))
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, r.Status)
	}
	return body, err
}

// archived is one instance in the archive.
type archived struct {
	ID            string `json:"ID"`
	MainDicomTags struct {
		SOPInstanceUID string `json:"SOPInstanceUID"`
	} `json:"MainDicomTags"`
	Modality string `json:"-"`
	Series   string `json:"-"`
}

// instances lists what the archive's index holds of a study.
func (o *orthanc) instances(t *testing.T, study string) []archived {
	t.Helper()
	r, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/tools/lookup", o.http), "text/plain", strings.NewReader(study))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var found []struct{ ID, Type string }
	if err := json.NewDecoder(r.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	var all []archived
	for _, f := range found {
		if f.Type != "Study" {
			continue
		}
		var series []struct {
			ID            string
			MainDicomTags struct{ Modality, SeriesDescription string }
		}
		o.json(t, "/studies/"+f.ID+"/series", &series)
		for _, s := range series {
			var instances []archived
			o.json(t, "/series/"+s.ID+"/instances", &instances)
			for _, i := range instances {
				i.Modality, i.Series = s.MainDicomTags.Modality, s.MainDicomTags.SeriesDescription
				all = append(all, i)
			}
		}
	}
	return all
}

func (o *orthanc) json(t *testing.T, path string, v any) {
	t.Helper()
	body, err := o.get(path)
	if err == nil {
		err = json.Unmarshal(body, v)
	}
	if err != nil {
		t.Fatalf("Orthanc %s: %v", path, err)
	}
}

// file writes an instance of the archive to a file.
func (o *orthanc) file(t *testing.T, id string) string {
	t.Helper()
	body, err := o.get("/instances/" + id + "/file")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), id+".dcm")
	if err := os.WriteFile(path, body, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

//go:build viewer

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The segmentation is offered by the OHIF viewer over Orthanc, loads, and lies on the right pixels of the right slices. Screenshots
// go to JCSNODE_SHOTS, or to a temporary folder. The viewer kit lies beside the test data.
func TestViewer_SegmentationLiesOnTheRightSlices(t *testing.T) {
	tool(t, "chromium")
	kit := filepath.Join(filepath.Dir(data(t)), "tools", "viewer", "viewer.sh")
	if _, err := os.Stat(kit); err != nil {
		absent(t, "the viewer kit "+kit)
	}
	folder := data(t, "ct", "covid_p001")
	uid := studyUID(t, folder)
	shots := os.Getenv("JCSNODE_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}

	page, httpPort, dicomPort := freePort(t), freePort(t), freePort(t)
	viewer := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{kit}, args...)...)
		cmd.Env = append(os.Environ(), fmt.Sprintf("VIEWER_PORT=%d", page), fmt.Sprintf("VIEWER_ORTHANC_HTTP=%d", httpPort), fmt.Sprintf("VIEWER_ORTHANC_DICOM=%d", dicomPort))
		return cmd
	}
	if out, err := viewer("stop").CombinedOutput(); err != nil {
		t.Fatalf("stop an earlier viewer: %v\n%s", err, out)
	}
	if out, err := viewer("clear").CombinedOutput(); err != nil {
		t.Fatalf("empty the viewer's archive: %v\n%s", err, out)
	}
	// Its servers stay behind and keep standard output open, hence the file.
	log, err := os.Create(filepath.Join(t.TempDir(), "viewer.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	begin := viewer("start")
	begin.Stdout, begin.Stderr = log, log
	if err := begin.Run(); err != nil {
		text, _ := os.ReadFile(log.Name())
		t.Fatalf("start the viewer: %v\n%s", err, text)
	}
	t.Cleanup(func() {
		stop := exec.Command("bash", kit, "stop")
		stop.Env = append(os.Environ(), fmt.Sprintf("VIEWER_ORTHANC_HTTP=%d", httpPort))
		stop.Run()
	})

	dcmtk(t, "storescu", "-xs", "-aec", "ORTHANC", "127.0.0.1", fmt.Sprint(dicomPort), "+sd", folder)
	l := newLab(t, destination("viewer", "ORTHANC", dicomPort), "[settle]\nquiet = \"1s\"")
	l.serve(t)
	dcmtk(t, "storescu", "-xs", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(l.port), "+sd", folder)
	s := l.settled(t, uid, 15*time.Minute)
	if s.Decision == nil || !s.Decision.Positive {
		t.Fatalf("no segmentation to look at: %+v %+v", s.Decision, s.Reason)
	}
	if _, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d", page)); err != nil {
		t.Fatal(err)
	}

	out, err := viewer("shot", "--study", uid, "--out", shots).CombinedOutput()
	verdict, readErr := os.ReadFile(filepath.Join(shots, "verdict.json"))
	if readErr != nil {
		t.Fatalf("no verdict: %v\n%s", err, tail(out, 4000))
	}
	var v struct {
		OK  bool     `json:"ok"`
		Why []string `json:"why"`
	}
	if err := json.Unmarshal(verdict, &v); err != nil {
		t.Fatal(err)
	}
	if !v.OK || err != nil {
		t.Errorf("the viewer's verdict: %s (%v)", strings.Join(v.Why, "; "), err)
	}
	t.Logf("screenshots in %s", shots)
}

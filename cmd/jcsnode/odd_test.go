package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/findings"
	"jcsnode/ledger"
	"jcsnode/phantom/odd"
)

// oddity is what a good node makes of one odd study, as the table of the data's README asks.
type oddity struct {
	folder string
	state  string // of the study; "" when no instance may reach the ledger
	reason string // code of the study's reason
	notes  string // a word that findings, series or instance reasons must have
}

var oddities = []oddity{
	{"bad_decimals", ledger.StateNotProcessed, "too-few-slices", "PixelSpacing"},
	{"dose_report", ledger.StateReported, "", ""},
	{"duplicate_positions", ledger.StateReported, "", "position"},
	{"empty_pixels", ledger.StateReported, "", "no-pixel-data"},
	{"enhanced_ct", ledger.StateReported, "", ""},
	{"enhanced_perfusion_map", ledger.StateNotProcessed, "", "derived"},
	{"gantry_tilt_chest", ledger.StateReported, "", "tilt"},
	{"gantry_tilt_head", ledger.StateNotProcessed, "", ""},
	{"head_exam", ledger.StateNotProcessed, "", ""},
	{"hostile_strings", "", "", ""},
	{"instance_numbers", ledger.StateReported, "", ""},
	{"localizer", ledger.StateReported, "", "localizer"},
	{"missing_rescale", ledger.StateNotProcessed, "", "Rescale"},
	{"missing_slice", ledger.StateReported, "", "missing"},
	{"mr_head", "", "", ""},
	{"no_patient_id", ledger.StateReported, "", ""},
	{"nonsquare_pixels", ledger.StateReported, "", ""},
	{"one_slice", ledger.StateNotProcessed, "too-few-slices", ""},
	{"padding_signed", ledger.StateNotProcessed, "too-few-slices", ""},
	{"pet_ct", ledger.StateNotProcessed, "", ""},
	{"prone", ledger.StateReported, "", ""},
	{"reformats", ledger.StateNotProcessed, "", ""},
	{"scout_only", ledger.StateNotProcessed, "", "localizer"},
	{"shared_sop_uid", ledger.StateNotProcessed, "", "SOP Instance UID"},
	{"truncated", ledger.StateReported, "", ""},
	{"two_acquisitions", ledger.StateReported, "", "acquisition"},
	{"two_kernels", ledger.StateReported, "", ""},
	{"two_patients_one_study", "", "", "patient"},
}

// Every odd study is sent to one running node, and each comes to its outcome with a reason; a good study among them is not delayed.
func TestOdd_EveryStudyComesToItsOutcome(t *testing.T) {
	roots := map[string]string{"phantom": oddPhantoms(t)}
	t.Run("real", func(t *testing.T) { roots["real"] = data(t, "odd") })
	l := newLabWith(t, exactNetworks(t), "[settle]\nquiet = \"2s\"")
	l.serve(t)
	each := func(do func(name, folder string, o oddity)) {
		for name, root := range roots {
			for _, o := range oddities {
				if name == "real" || slices.Contains(odd.Folders(), o.folder) {
					do(name+"/"+o.folder, filepath.Join(root, o.folder), o)
				}
			}
		}
	}
	each(func(name, folder string, o oddity) {
		args := []string{"-R", "-xs", "-nh", "-aec", "JCSNODE", "127.0.0.1", fmt.Sprint(l.port), "+sd", sendable(t, folder)}
		if out, err := exec.CommandContext(t.Context(), tool(t, "storescu"), args...).CombinedOutput(); err != nil {
			t.Logf("%s: storescu: %v: %s", name, err, lastLine(out))
		}
	})
	each(func(name, folder string, o oddity) {
		t.Run(name, func(t *testing.T) {
			for _, uid := range studyUIDs(t, folder) {
				o.check(t, l, uid)
			}
		})
	})
	select {
	case <-l.node.ended:
		t.Fatal("the node ended")
	default:
	}
}

func (o *oddity) check(t *testing.T, l *lab, uid string) {
	if o.folder == "mr_head" {
		if s := l.study(t, uid); s != nil {
			t.Errorf("an MR study is in the ledger as %s", s.State)
		}
		return
	}
	s := l.settled(t, uid, 5*time.Minute)
	reason := ledger.Reason{}
	if s.Reason != nil {
		reason = *s.Reason
	}
	t.Logf("%s: %s %s", s.State, reason.Code, reason.Text)
	if o.state != "" && s.State != o.state {
		t.Errorf("state %q, want %q (%s)", s.State, o.state, reason.Text)
	}
	if o.reason != "" && reason.Code != o.reason {
		t.Errorf("reason %q, want %q", reason.Code, o.reason)
	}
	if s.State == ledger.StateNotProcessed && (reason.Text == "" || reason.Remedy == "") {
		t.Errorf("not processed without a reason and what to do about it: %+v", reason)
	}
	all, err := json.Marshal(s.Revisions)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(strings.ToLower(string(all)), strings.ToLower(o.notes)) {
		t.Errorf("nothing in the status says %q", o.notes)
	}
	if strings.Contains(string(all), "panic") || reason.Code == ledger.ReasonCrashed || reason.Code == ledger.ReasonFailed {
		t.Errorf("the node failed on it: %+v", reason)
	}
}

// oddPhantoms is the folder of the odd studies of our own.
func oddPhantoms(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := odd.Write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What no DCMTK sender takes goes through the offline run.
func TestOdd_OfflineRunSaysWhatIsWrong(t *testing.T) {
	own := oddPhantoms(t)
	for _, o := range []struct{ folder, says string }{
		{"empty_sop_uid", "SOPInstanceUID (0008,0018) is absent or empty"},
		{"truncated", "cut short"},
	} {
		check := func(t *testing.T, folder string) {
			l := newLabWith(t, exactNetworks(t))
			out := t.TempDir()
			printed := jcsnode(t, "run", folder, "--out", out, "--config", l.config)
			text, err := os.ReadFile(filepath.Join(out, "findings.json"))
			if err != nil {
				t.Fatalf("%v\n%s", err, printed)
			}
			var r findings.Findings
			if err := json.Unmarshal(text, &r); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), o.says) {
				t.Errorf("findings.json does not say %q:\n%s", o.says, text)
			}
		}
		t.Run("phantom/"+o.folder, func(t *testing.T) { check(t, filepath.Join(own, o.folder)) })
		t.Run("real/"+o.folder, func(t *testing.T) { check(t, data(t, "odd", o.folder)) })
	}
}

// sendable is the folder, or a copy without the files that storescu refuses to read.
func sendable(t *testing.T, folder string) string {
	t.Helper()
	if filepath.Base(folder) != "truncated" {
		return folder
	}
	out := t.TempDir()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "ax4") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(out, e.Name()), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func studyUIDs(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var uids []string
	seen := map[string]bool{}
	for _, e := range entries {
		f, err := dataset.Open(filepath.Join(folder, e.Name()), dataset.Limits{})
		if err != nil {
			continue
		}
		uid := f.Set().String(dataset.StudyInstanceUID)
		f.Close()
		if uid != "" && !seen[uid] {
			seen[uid] = true
			uids = append(uids, uid)
		}
	}
	if len(uids) == 0 {
		t.Fatalf("no study in %s", folder)
	}
	return uids
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

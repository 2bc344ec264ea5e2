package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dicomout/object"
	"jcsnode/ledger"
)

// A study comes, comes again, and gets ten late slices. One archive follows IHE IOCM and is told what is out of date, the other is not:
// what both then hold is what docs/delivery.md says.
func TestLate_WhatTheArchivesHold(t *testing.T) {
	folder := someSlices(t, 26)
	uid := studyUID(t, folder)
	early, late := split(t, folder, 16)
	plain, iocm := startOrthanc(t), startOrthanc(t)
	l := newLabWith(t, glassNetworks(t), destination("plain", "ORTHANC", plain.dicom),
		destination("iocm", "ORTHANC", iocm.dicom)+"objects = [\"summary\", \"segmentation\", \"report\"]\nrejection = true\n",
		"[settle]\nquiet = \"1s\"\n[cascade]\nthreshold = 0\nthreshold_mm = 0.0")
	l.serve(t)
	send := func(folder string) {
		t.Helper()
		jcsnode(t, "send", "--to", l.address(), "--called", "JCSNODE", folder)
	}

	send(early)
	first := l.settled(t, uid, 15*time.Minute)
	if len(first.Revisions) != 1 || first.Decision == nil || !first.Decision.Positive {
		t.Fatalf("%d revisions, decision %+v, %+v; want one, positive", len(first.Revisions), first.Decision, first.Reason)
	}
	before := map[*orthanc][]string{plain: holds(t, plain, uid), iocm: holds(t, iocm, uid)}

	send(early) // again, all of it
	var again *studyStatusJSON
	eventually(t, time.Minute, "every instance has come again", func() bool {
		again = l.study(t, uid)
		return !slices.ContainsFunc(again.Instances, func(i ledger.Instance) bool { return i.ReceivedAgain != 1 })
	})
	if len(again.Revisions) != 1 || len(again.Instances) != 16 {
		t.Errorf("%d revisions of %d instances after the same study came again, want 1 of 16", len(again.Revisions), len(again.Instances))
	}
	for o, had := range before {
		if has := holds(t, o, uid); !slices.Equal(has, had) {
			t.Errorf("an archive changed when the same study came again: %d objects, then %d", len(had), len(has))
		}
	}

	send(late)
	eventually(t, 15*time.Minute, "a second revision", func() bool { s := l.study(t, uid); return s != nil && len(s.Revisions) == 2 })
	second := l.settled(t, uid, 15*time.Minute)
	l.node.stop(t)
	old, current := second.Revisions[0], second.Revisions[1]

	// Without IOCM both results are there, and tell themselves apart.
	if got, want := holds(t, plain, uid), sentTo("plain", old, current); !slices.Equal(got, want) {
		t.Errorf("the archive without IOCM holds %d objects, want %d: both results\n%v\n%v", len(got), len(want), got, want)
	}
	for _, i := range plain.instances(t, uid) {
		isNew := slices.ContainsFunc(current.Objects,
			func(o ledger.Object) bool { return o.SOPInstanceUID == i.MainDicomTags.SOPInstanceUID })
		if isNew != strings.HasSuffix(i.Series, " rev 2") {
			t.Errorf("an object of revision 2: %v, lies in the series %q", isNew, i.Series)
		}
	}
	for _, o := range old.Objects {
		if slices.ContainsFunc(current.Objects,
			func(n ledger.Object) bool { return n.SOPInstanceUID == o.SOPInstanceUID || n.SeriesUID == o.SeriesUID }) {
			t.Errorf("%s has an instance or series of both revisions", o.Kind)
		}
	}

	// With IOCM both are there and a rejection that lists the old one, and nothing that this archive never got.
	held := holds(t, iocm, uid)
	if want := sentTo("iocm", old, current); !slices.Equal(held, want) {
		t.Errorf("the archive with IOCM holds %v, want %v", held, want)
	}
	rejected := rejectedIn(t, iocm, uid)
	if want := sentTo("iocm", old); !slices.Equal(rejected, want) {
		t.Errorf("told to hide %v, want what it got of revision 1, %v", rejected, want)
	}
	kinds := map[string]string{}
	for _, d := range current.Deliveries {
		kinds[d.SentUID] = d.Object.Kind
	}
	var shown []string
	for _, uid := range held {
		if !slices.Contains(rejected, uid) && kinds[uid] != object.Rejection.Name {
			shown = append(shown, kinds[uid])
		}
	}
	slices.Sort(shown)
	if want := []string{"report", "seg", "summary"}; !slices.Equal(shown, want) {
		t.Errorf("what an archive with IOCM goes on showing is %q, want those of revision 2, %q", shown, want)
	}
}

// split makes two folders of one, the first n files and the rest.
func split(t *testing.T, folder string, n int) (first, rest string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) <= n {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	first, rest = t.TempDir(), t.TempDir()
	for i, e := range entries {
		to := first
		if i >= n {
			to = rest
		}
		if err := os.Rename(filepath.Join(folder, e.Name()), filepath.Join(to, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return first, rest
}

// holds lists the objects of ours in the archive, sorted, each of which must be there once.
func holds(t *testing.T, o *orthanc, study string) []string {
	t.Helper()
	var uids []string
	for _, i := range o.instances(t, study) {
		uids = append(uids, i.MainDicomTags.SOPInstanceUID)
	}
	slices.Sort(uids)
	if n := len(slices.Compact(slices.Clone(uids))); n != len(uids) {
		t.Errorf("%d objects under %d UIDs", len(uids), n)
	}
	return uids
}

// sentTo lists what the ledger says that a destination was sent of the revisions, sorted.
func sentTo(destination string, revisions ...ledger.RevisionHistory) []string {
	var uids []string
	for _, r := range revisions {
		for _, d := range r.Deliveries {
			if d.Destination == destination && d.State == ledger.DeliverySent {
				uids = append(uids, d.SentUID)
			}
		}
	}
	slices.Sort(uids)
	return uids
}

// rejectedIn lists what the one rejection in the archive is about, sorted.
func rejectedIn(t *testing.T, o *orthanc, study string) []string {
	t.Helper()
	var uids []string
	rejections := 0
	for _, i := range o.instances(t, study) {
		if i.Modality != "KO" {
			continue
		}
		rejections++
		f, err := dataset.Open(o.file(t, i.ID), dataset.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, rejectedBy(f)...)
		f.Close()
	}
	if rejections != 1 {
		t.Errorf("%d rejections in the archive, want 1", rejections)
	}
	slices.Sort(uids)
	return uids
}

// rejectedBy lists what a rejection is about.
func rejectedBy(f *dataset.File) (uids []string) {
	for _, evidence := range f.Set().Items(dataset.NewTag(0x0040, 0xA375)) {
		for _, series := range evidence.Items(dataset.NewTag(0x0008, 0x1115)) {
			for _, one := range series.Items(dataset.NewTag(0x0008, 0x1199)) {
				uids = append(uids, one.String(dataset.NewTag(0x0008, 0x1155)))
			}
		}
	}
	return uids
}

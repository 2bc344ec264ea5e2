package scp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"jcsnode/dataset"
	"jcsnode/dimse"
	"jcsnode/store/disk"
)

// element is an element of a data set in explicit VR little endian.
func element(tag dataset.Tag, vr string, value []byte) []byte {
	if len(value)%2 == 1 {
		value = append(bytes.Clone(value), 0)
	}
	b := binary.LittleEndian.AppendUint16(nil, uint16(tag>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = append(b, vr...)
	if vr == "OW" {
		b = binary.LittleEndian.AppendUint32(append(b, 0, 0), uint32(len(value)))
	} else {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	}
	return append(b, value...)
}

// image is a small instance; what is empty is left out.
type image struct {
	class, sop, study, series string
	accession                 string // "" = no such element
	pixels                    []byte
}

func aSlice(study, sop string) image {
	return image{class: CTImageStorage, sop: sop, study: study, series: "1.3", pixels: []byte("pixels of " + sop)}
}

func (i image) bytes() []byte {
	var b []byte
	for _, e := range []struct {
		tag       dataset.Tag
		vr, value string
	}{{dataset.SOPClassUID, "UI", i.class}, {dataset.SOPInstanceUID, "UI", i.sop}, {dataset.AccessionNumber, "SH", i.accession},
		{dataset.StudyInstanceUID, "UI", i.study}, {dataset.SeriesInstanceUID, "UI", i.series}} {
		if e.value != "" {
			b = append(b, element(e.tag, e.vr, []byte(e.value))...)
		}
	}
	return append(b, element(dataset.NewTag(0x7FE0, 0x0010), "OW", i.pixels)...)
}

func (i image) incoming() Incoming {
	return Incoming{SOPClassUID: i.class, SOPInstanceUID: i.sop, TransferSyntaxUID: dataset.ExplicitVRLittleEndian, CallingAETitle: "CT1"}
}

// testInbox is an inbox over the disk store in dir.
func testInbox(t testing.TB, dir string) *Inbox {
	t.Helper()
	s, err := disk.Open(dir, disk.Options{Staging: Staging})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return NewInbox(s, InboxOptions{ImplementationClassUID: "2.25.1", ImplementationVersionName: "TEST"})
}

// files lists all files below the inbox, lock folders aside.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Join(dir, InboxFolder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReceive_WritesAPart10File(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if got := files(t, dir); len(got) != 1 || got[0] != s.Path {
		t.Errorf("files %v, want %s alone", got, s.Path)
	}
	f, err := dataset.Open(filepath.Join(dir, s.Path), dataset.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ae := f.Meta().String(dataset.SourceApplicationEntityTitle); ae != "CT1" {
		t.Errorf("source AE %q", ae)
	}
	raw, err := os.ReadFile(filepath.Join(dir, s.Path))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw[f.DataSetOffset():], i.bytes()) || int64(len(raw)) != s.Size {
		t.Error("the data set is not byte for byte what was sent, or the size is wrong")
	}
	if s.StudyUID != "1.2" || s.SOPInstanceUID != "1.2.3" || s.Flag != "" || s.Again {
		t.Errorf("stored %+v", s)
	}
}

func TestReceive_SameBytesAgain(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	first, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
	if err != nil {
		t.Fatal(err)
	}
	in := i.incoming()
	in.CallingAETitle = "ANOTHER_TITLE" // makes the file, not the data set, longer
	second, err := b.Receive(t.Context(), in, bytes.NewReader(i.bytes()))
	if err != nil || !second.Again || second.Path != first.Path || second.Size != first.Size {
		t.Errorf("again: %+v, %v; want the first file", second, err)
	}
	if err := os.Truncate(filepath.Join(dir, first.Path), 300); err != nil {
		t.Fatal(err)
	}
	third, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
	if err != nil || third.Again {
		t.Errorf("after damage: %+v, %v; want it written anew", third, err)
	}
	if info, err := os.Stat(filepath.Join(dir, first.Path)); err != nil || info.Size() != first.Size {
		t.Errorf("damaged file not replaced: %v, %v", info, err)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("files %v, want one", got)
	}
}

func TestReceive_OtherBytesOrSyntaxUnderOneUID(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	j := i
	j.pixels = []byte("others")
	k := i.incoming()
	k.TransferSyntaxUID = dataset.JPEGLossless
	for _, c := range []struct {
		in   Incoming
		data []byte
	}{{i.incoming(), i.bytes()}, {j.incoming(), j.bytes()}, {k, i.bytes()}} {
		if s, err := b.Receive(t.Context(), c.in, bytes.NewReader(c.data)); err != nil || s.Again {
			t.Errorf("%+v, %v; want a file of its own", s, err)
		}
	}
	if got := files(t, dir); len(got) != 3 {
		t.Errorf("files %v, want three", got)
	}
}

func TestReceive_ParallelSameBytesMakeOneFile(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	var wg sync.WaitGroup
	var mu sync.Mutex
	again := 0
	for range 8 {
		wg.Go(func() {
			s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if s.Again {
				again++
			}
		})
	}
	wg.Wait()
	if got := files(t, dir); again != 7 || len(got) != 1 {
		t.Errorf("%d of 8 were there already, files %v; want 7 and one", again, got)
	}
}

func TestReceive_Refusals(t *testing.T) {
	whole := aSlice("1.2", "1.2.3")
	change := func(f func(*image)) image {
		i := whole
		f(&i)
		return i
	}
	for name, c := range map[string]struct {
		in     Incoming
		data   []byte
		status dimse.Status
		code   string
	}{
		"cut in an element":      {whole.incoming(), whole.bytes()[:len(whole.bytes())-3], dimse.StatusCannotUnderstand, "truncated"},
		"cut in an element head": {whole.incoming(), whole.bytes()[:3], dimse.StatusCannotUnderstand, "truncated"},
		"nothing":                {whole.incoming(), nil, dimse.StatusCannotUnderstand, ""},
		"noise":                  {whole.incoming(), bytes.Repeat([]byte{0xA5, 0x17}, 400), dimse.StatusCannotUnderstand, ""},
		"no study": {whole.incoming(), change(func(i *image) { i.study = "" }).bytes(),
			dimse.StatusCannotUnderstand, "no-uid"},
		"no series": {whole.incoming(), change(func(i *image) { i.series = "" }).bytes(),
			dimse.StatusCannotUnderstand, "no-uid"},
		"blank instance": {whole.incoming(), change(func(i *image) { i.sop = "  " }).bytes(),
			dimse.StatusCannotUnderstand, "no-uid"},
		"endless UID": {whole.incoming(), change(func(i *image) { i.study = strings.Repeat("1.", 200) + "1" }).bytes(),
			dimse.StatusCannotUnderstand, "bad-uid"},
		"control characters": {whole.incoming(), change(func(i *image) { i.series = "1\x1b[2J" }).bytes(), dimse.StatusCannotUnderstand,
			"bad-uid"},
		"other instance": {whole.incoming(), change(func(i *image) { i.sop = "1.2.4" }).bytes(), dimse.StatusDataSetMismatch, "mismatch"},
		"other class": {whole.incoming(), change(func(i *image) { i.class = EnhancedCTImageStorage }).bytes(),
			dimse.StatusDataSetMismatch, "mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := testInbox(t, dir)
			_, err := b.Receive(t.Context(), c.in, bytes.NewReader(c.data))
			var r *NotStored
			if !errors.As(err, &r) || r.Status != c.status || c.code != "" && r.Code != c.code || r.Remedy == "" {
				t.Errorf("%#v, want status %v and code %q", err, c.status, c.code)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
		})
	}
}

func TestReceive_HostileUIDsAreTextOnly(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "a", "b", "data")
	b := testInbox(t, data)
	for _, uid := range []string{"../../../../evil/study", "/etc/passwd", "7afb0d48-ec01-4941-9a58-66d15cab76fb", "1.02.3", "..",
		strings.Repeat("1.", 40) + "1", `..\..\evil`} {
		i := aSlice(uid, uid)
		i.series = "1.2.3/../4"
		s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
		if err != nil {
			t.Errorf("%q: %v", uid, err)
			continue
		}
		if s.StudyUID != uid || !strings.HasPrefix(s.Flag, FlagUID) {
			t.Errorf("%q: kept as %q, flag %q; want it unchanged and flagged", uid, s.StudyUID, s.Flag)
		}
		if ok, _ := filepath.Match("inbox/????????????????????????????????/????????????????????????????????????????.dcm", s.Path); !ok {
			t.Errorf("%q: path %q", uid, s.Path)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("outside of data_dir: %v, %v", entries, err)
	}
}

type brokenBody struct{ data []byte }

func (b *brokenBody) Read(p []byte) (int, error) {
	if len(b.data) == 0 {
		return 0, dimse.ErrConnectionLost
	}
	n := copy(p, b.data)
	b.data = b.data[n:]
	return n, nil
}

func TestReceive_BrokenAssociationLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	_, err := b.Receive(t.Context(), i.incoming(), &brokenBody{i.bytes()[:60]})
	var r *NotStored
	if !errors.Is(err, dimse.ErrConnectionLost) || errors.As(err, &r) {
		t.Errorf("%v, want the error of the connection", err)
	}
	if got := files(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// What came again is as young as what came; what is removed is stored anew when it comes.
func TestReceive_AfterItWasRemoved(t *testing.T) {
	dir := t.TempDir()
	b := testInbox(t, dir)
	i := aSlice("1.2", "1.2.3")
	receive := func() Stored {
		t.Helper()
		s, err := b.Receive(t.Context(), i.incoming(), bytes.NewReader(i.bytes()))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	remove := func(before time.Time, want bool) {
		t.Helper()
		gone, err := b.store.Remove(t.Context(), files(t, dir)[0], before)
		if err != nil || gone != want {
			t.Fatalf("gone %v, %v; want %v", gone, err, want)
		}
	}
	s := receive()
	lastYear := time.Now().AddDate(-1, 0, 0)
	if err := os.Chtimes(filepath.Join(dir, s.Path), lastYear, lastYear); err != nil {
		t.Fatal(err)
	}
	if s = receive(); !s.Again {
		t.Fatalf("%+v, want the same again", s)
	}
	remove(lastYear.AddDate(0, 1, 0), false)
	remove(time.Now().Add(time.Hour), true)
	if s = receive(); s.Again {
		t.Error("a file that was removed was taken for present")
	}
}

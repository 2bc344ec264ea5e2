package try

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// dicom looks like the beginning of a DICOM file.
func dicom(more string) string { return strings.Repeat("\x00", 128) + "DICM" + more }

// entry is a file of a zip.
type entry struct {
	name, text string
	change     func(*zip.FileHeader)
}

func zipped(t testing.TB, entries ...entry) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.change != nil {
			e.change(h)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// bomb is a zip of entries that unpack to the same 40 MB each.
func bomb(t testing.TB, n int) string {
	var all []entry
	for i := range n {
		all = append(all, entry{name: fmt.Sprint(i), text: strings.Repeat("\x00", 40<<20)})
	}
	return zipped(t, all...)
}

// lying is a zip whose entry unpacks to more than it says, in its directory and before its data.
func lying(t testing.TB, most int) string {
	text := zipped(t, entry{name: "a", text: dicom(strings.Repeat("x", 4*most)), change: func(h *zip.FileHeader) { h.Method = zip.Store }})
	size := uint32(len(dicom("")) + 4*most)
	word := func(n uint32) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }
	// The directory has the packed size, then the unpacked one.
	return strings.ReplaceAll(text, word(size)+word(size), word(size)+word(200))
}

// endless is a zip whose directory goes on for longer than it says.
func endless(t testing.TB, n int) string {
	text := zipped(t, entry{name: strings.Repeat("a", 200), text: dicom("")})
	const mark = "PK\x01\x02"
	head, directory, _ := strings.Cut(text, mark)
	record := mark + directory[:strings.Index(directory, "PK\x05\x06")]
	return head + strings.Repeat(record, n) + directory[strings.Index(directory, "PK\x05\x06"):]
}

// take takes the files in a folder of their own, and tells what lies in all of it afterwards.
func take(t testing.TB, most int64, files int, all ...string) (in *intake, left []string, err error) {
	t.Helper()
	root := t.TempDir()
	in = &intake{dir: filepath.Join(root, "a", "in"), spool: filepath.Join(root, "a", "upload.zip"), most: most, mostFiles: files}
	n := 0
	err = in.all(func() (io.Reader, error) {
		if n == len(all) {
			return nil, io.EOF
		}
		n++
		return strings.NewReader(all[n-1]), nil
	})
	walked := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(root, path)
			left = append(left, rel)
		}
		return err
	})
	if walked != nil {
		t.Fatal(walked)
	}
	return in, left, err
}

func TestIntake_Takes(t *testing.T) {
	slice := entry{name: "CD/../ct/1.dcm", text: dicom("1")}
	for name, c := range map[string]struct {
		files         []string
		dicom, others int
	}{
		"files":                {[]string{dicom("1"), dicom("2")}, 2, 0},
		"a zip":                {[]string{zipped(t, slice, entry{name: "b", text: dicom("2")})}, 2, 0},
		"a zip beside a file":  {[]string{dicom("1"), zipped(t, slice)}, 2, 0},
		"a CD with its viewer": {[]string{zipped(t, slice, entry{name: "view.exe", text: "MZ"}, entry{name: "AUTORUN.INF"})}, 1, 2},
		"folders of two systems": {[]string{zipped(t, entry{name: "ct/"}, entry{name: `ct\sub\`},
			entry{name: `ct\sub\1`, text: dicom("")})}, 1, 0},
		"no file chosen beside": {[]string{"", dicom("1")}, 1, 0},
		"a zip within a zip":    {[]string{zipped(t, slice, entry{name: "z", text: zipped(t, slice)})}, 1, 1},
		"the same twice":        {[]string{zipped(t, slice, slice)}, 2, 0},
		"stored, not packed": {[]string{zipped(t, entry{name: "a", text: dicom(""),
			change: func(h *zip.FileHeader) { h.Method = zip.Store }})}, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			in, left, err := take(t, 1<<20, 10, c.files...)
			if err != nil || in.files != c.dicom || in.taken-in.files != c.others || len(left) != c.dicom {
				t.Fatalf("%d of DICOM, %d others, %q, %v", in.files, in.taken-in.files, left, err)
			}
			for _, path := range left { // under numbers alone
				if strings.Trim(filepath.Base(path), "0123456789") != "" || filepath.Dir(path) != filepath.Join("a", "in") {
					t.Error(path)
				}
			}
		})
	}
}

func TestIntake_Refuses(t *testing.T) {
	with := func(change func(*zip.FileHeader)) string {
		return zipped(t, entry{name: "a", text: dicom(""), change: change})
	}
	named := func(name string) string {
		return zipped(t, entry{name: "ok", text: dicom("")}, entry{name: name, text: dicom("")})
	}
	link := with(func(h *zip.FileHeader) { h.SetMode(fs.ModeSymlink | 0o777) })
	whole := zipped(t, entry{name: "a", text: dicom(strings.Repeat("abc", 1000))})
	const bad, large = http.StatusBadRequest, http.StatusRequestEntityTooLarge
	const most = 1 << 20
	half := dicom(strings.Repeat("x", most/2))
	for name, c := range map[string]struct {
		files  []string
		status int
		want   string
	}{
		"nothing":           {nil, bad, "No file came"},
		"no file chosen":    {[]string{""}, bad, "No file came"},
		"an empty zip":      {[]string{zipped(t)}, bad, "The zip is empty"},
		"a zip of a folder": {[]string{zipped(t, entry{name: "ct/"})}, bad, "The zip is empty"},
		"a letter":          {[]string{"Dear colleague"}, bad, "This is no DICOM file"},
		"a zip of letters": {[]string{zipped(t, entry{name: "a", text: "x"}, entry{name: "b", text: "y"})}, bad,
			"None of these 2 files is DICOM"},
		"too much":              {[]string{dicom(strings.Repeat("x", most))}, large, "more than the 1.0 MB"},
		"too much together":     {[]string{half, half}, large, "more than the 1.0 MB"},
		"too large a zip":       {[]string{"PK\x03\x04" + strings.Repeat("x", most)}, large, "more than the 1.0 MB"},
		"a zip of too much":     {[]string{zipped(t, entry{name: "a", text: half + half})}, large, "more than the 1.0 MB"},
		"that lies about it":    {[]string{lying(t, most/8)}, bad, "damaged"},
		"too many files":        {strings.Split(strings.Repeat(dicom("")+"|", 11), "|"), large, "more than the 10 files"},
		"a zip of too many":     {[]string{zipped(t, make11()...)}, large, "more than the 10 files"},
		"an endless directory":  {[]string{endless(t, 3000)}, large, "more than the 10 files"},
		"an encrypted one":      {[]string{with(func(h *zip.FileHeader) { h.Flags |= 1 })}, bad, "encrypted"},
		"a link":                {[]string{link}, bad, "a link or a device"},
		"a device":              {[]string{with(func(h *zip.FileHeader) { h.SetMode(fs.ModeDevice) })}, bad, "a link or a device"},
		"a name above":          {[]string{named("../../etc/passwd")}, bad, "leads out"},
		"a name above, by turn": {[]string{named("a/../../b")}, bad, "leads out"},
		"an absolute name":      {[]string{named("/etc/passwd")}, bad, "leads out"},
		"a name of Windows":     {[]string{named(`..\b`)}, bad, "leads out"},
		"a drive":               {[]string{named(`C:\b`)}, bad, "leads out"},
		"a folder above":        {[]string{zipped(t, entry{name: "../"})}, bad, "leads out"},
		"half a zip":            {[]string{whole[:len(whole)/2]}, bad, "damaged, or did not come whole"},
		"a zip without a body":  {[]string{"PK\x03\x04"}, bad, "damaged"},
		"bits turned":           {[]string{strings.Replace(whole, whole[40:60], strings.Repeat("\xff", 20), 1)}, bad, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, left, err := take(t, most, 10, c.files...)
			var r *Refusal
			if !errors.As(err, &r) || r.Status != c.status || !strings.Contains(r.Text, c.want) {
				t.Errorf("%v\nwant %d, %s", err, c.status, c.want)
			}
			for _, path := range left {
				if filepath.Dir(path) != filepath.Join("a", "in") {
					t.Errorf("%s is left", path)
				}
			}
		})
	}
}

func make11() (all []entry) {
	for i := range 11 {
		all = append(all, entry{name: fmt.Sprint(i), text: dicom("")})
	}
	return all
}

// A zip that unpacks to a hundred times its size is none of a study, even where there is room for it.
func TestIntake_Bomb(t *testing.T) {
	_, left, err := take(t, 1<<30, 10, bomb(t, 2))
	if err == nil || !strings.Contains(err.Error(), "100 times its size") || len(left) > 0 {
		t.Errorf("%v, %q", err, left)
	}
}

// A packing that is not known here is told of.
func TestIntake_Method(t *testing.T) {
	text := []byte(zipped(t, entry{name: "a", text: dicom("")}))
	for i := range text[:len(text)-12] { // the method stands 8 bytes after the beginning of a file and 10 after that of its record
		switch string(text[i : i+4]) {
		case "PK\x03\x04":
			text[i+8] = 12
		case "PK\x01\x02":
			text[i+10] = 12
		}
	}
	_, _, err := take(t, 1<<20, 10, string(text))
	if err == nil || !strings.Contains(err.Error(), "not known here (method 12)") {
		t.Error(err)
	}
}

// Whatever a zip is, nothing of it lies elsewhere than in its folder, under numbers and within the limits, and whoever sent it is told
// what is wrong.
func FuzzIntake(f *testing.F) {
	f.Add([]byte(zipped(f, entry{name: "a/b", text: dicom("1")}, entry{name: "../c", text: "x"})))
	f.Add([]byte(zipped(f, entry{name: "a", text: dicom(strings.Repeat("x", 9000))})))
	f.Add([]byte(lying(f, 1000)))
	f.Add([]byte(endless(f, 20)))
	f.Add([]byte(dicom("1")))
	f.Fuzz(func(t *testing.T, text []byte) {
		const most, files = 8 << 10, 5
		in, left, err := take(t, most, files, string(text))
		var refusal *Refusal
		if err != nil && !errors.As(err, &refusal) {
			t.Fatal(err)
		}
		if err == nil && (in.bytes > most || len(left) != in.files || in.files == 0) || len(left) > files {
			t.Fatalf("%d bytes, %d files, %q", in.bytes, in.files, left)
		}
		for _, path := range left {
			if filepath.Dir(path) != filepath.Join("a", "in") || strings.Trim(filepath.Base(path), "0123456789") != "" {
				t.Fatal(path)
			}
		}
	})
}

func TestIsDICOM(t *testing.T) {
	for text, want := range map[string]bool{"": false, "DICM": false, dicom(""): true, strings.Repeat("x", 4000): false} {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := isDICOM(path); got != want || err != nil {
			t.Errorf("%.20q: %v, %v", text, got, err)
		}
	}
}

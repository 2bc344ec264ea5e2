package ct

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sort"
	"sync"

	"golang.org/x/sync/errgroup"

	"jcsnode/dataset"
	"jcsnode/guard"
	"jcsnode/pipeline/codec"
)

// Load decodes the slices of a series into a volume, as many at a time as there
// are processors. A slice that cannot be decoded whole is left out, listed in
// Dropped and treated as missing; the stack must then still meet the rules it was
// selected by. A stack without lungs is a *Refusal, as is every other reason in
// the data; an error of another type is the end of ctx or of the machine.
// progress, if not nil, is called after each slice, one call at a time.
func Load(ctx context.Context, open Opener, s *Series, progress func(done, total int)) (*Volume, error) {
	return load(ctx, open, s, nil, progress)
}

// Seen is given a slice as soon as it is decoded, with the first header of its series, whose geometry the volume has. It is not known yet
// whether there will be a volume. Several goroutines call it at a time.
type Seen func(first *Header, hu []int16)

func load(ctx context.Context, open Opener, s *Series, seen Seen, progress func(done, total int)) (*Volume, error) {
	n := len(s.Headers)
	if n == 0 {
		return nil, refuse(CodeTooFewSlices, "the series has no slices", "send the whole axial series")
	}
	first := &s.Headers[0]
	if r := checkSize(s, machineMemory()); r != nil {
		return nil, r
	}
	decoded, err := decodeAll(ctx, open, s.Headers, seen, progress)
	if err != nil {
		return nil, err
	}
	v := &Volume{Rows: first.Rows, Columns: first.Columns, RowSpacing: first.PixelSpacing[0], ColumnSpacing: first.PixelSpacing[1],
		Normal: s.Normal, View: ViewOf(first.Orientation), Notes: append([]string(nil), s.lasting...)}
	var planes []Slice
	for i := range decoded {
		if r := decoded[i].refusal; r != nil {
			v.Dropped = append(v.Dropped, dropped(&s.Headers[i], *r))
			continue
		}
		planes = append(planes, Slice{Header: s.Headers[i], HU: decoded[i].hu, means: decoded[i].means})
	}
	broken := len(v.Dropped)
	if broken > 0 {
		v.Notes = append(v.Notes,
			fmt.Sprintf("%d of %d slices could not be decoded and are missing (first: %s)", broken, n, v.Dropped[0].Refusal.Text))
	}
	if r := v.fill(planes, s); r != nil {
		if broken > 0 {
			r.Text += fmt.Sprintf("; %d of %d slices could not be decoded: %s", broken, n, v.Dropped[0].Refusal.Text)
		}
		return nil, r
	}
	return v, nil
}

// fill puts the decoded planes of a series that belong to a chest into the
// volume.
func (v *Volume) fill(planes []Slice, s *Series) *Refusal {
	if len(planes) == 0 {
		return refuse(CodeBrokenPixelData, fmt.Sprintf("no slice of %s could be decoded", s.Name), "send the study again")
	}
	// Broken slices first: a stack that is too short is not blamed for its lungs.
	if r := s.rules.check(measuredStack(headersOf(planes), s.Normal), s.Name); r != nil {
		return r
	}
	if r := checkUnit(planes); r != nil {
		return r
	}
	if r := checkInterleaved(planes, s.Name); r != nil {
		return r
	}
	findLungs(planes, s.Normal)
	kept, far, r := nearLungs(planes, s.Normal, s.rules.MinSlices)
	if r != nil {
		if few := tooFewToTell(planes, s.Normal); few != "" {
			r.Text = few + ": " + r.Text
		}
		return r
	}
	if len(far) > 0 {
		text := fmt.Sprintf("further than %d mm from the lungs", lungMargin)
		v.Notes = append(v.Notes, fmt.Sprintf("%d slices %s were left out", len(far), text))
		for i := range far {
			v.Dropped = append(v.Dropped, dropped(&far[i].Header, *refuse(CodeFarFromLungs, text, "")))
		}
	}
	return v.arrange(kept, s.rules)
}

// LoadBest loads the best candidate of a selection that turns out to hold lungs,
// and returns it with the refusals of those before it, in the order of the
// candidates; Selection.Choose takes them. When none does, the error is the
// refusal of the first. seen and progress may be nil.
func LoadBest(ctx context.Context, open Opener, sel Selection, seen Seen, progress func(done, total int)) (
	*Volume, *Series, []SeriesRefusal, error,
) {
	if sel.Refusal != nil {
		return nil, nil, nil, sel.Refusal
	}
	var refused []SeriesRefusal
	var firstErr error
	for _, s := range sel.Candidates {
		v, err := load(ctx, open, s, seen, progress)
		if err == nil {
			return v, s, refused, nil
		}
		var r *Refusal
		if !errors.As(err, &r) {
			return nil, nil, refused, err
		}
		refused = append(refused, SeriesRefusal{s.SeriesInstanceUID, *r})
		if firstErr == nil {
			firstErr = err
		}
	}
	return nil, nil, refused, firstErr
}

// arrange measures the slices that are left and puts them into the volume.
func (v *Volume) arrange(planes []Slice, rules Rules) *Refusal {
	st := measuredStack(headersOf(planes), v.Normal)
	if r := rules.check(st, "what is left of the series"); r != nil {
		return r
	}
	for i := range planes {
		planes[i].Position, planes[i].Extent, planes[i].AfterGap = st.positions[i], st.extents[i], st.afterGap[i]
	}
	v.Slices, v.SliceSpacing, v.Gaps = planes, st.spacing, st.gaps
	v.Notes = append(st.gapNotes(), v.Notes...)
	return nil
}

func headersOf(planes []Slice) []Header {
	out := make([]Header, len(planes))
	for i := range planes {
		out[i] = planes[i].Header
	}
	return out
}

// decodedSlice is one slice in Hounsfield units, or why there is none.
type decodedSlice struct {
	hu      []int16
	means   []int16 // see Slice
	refusal *Refusal
}

// decodeAll decodes slices, a processor's worth at a time; the slices of one
// multi-frame file share its open file.
func decodeAll(
	parent context.Context, open Opener, headers []Header, seen Seen, progress func(done, total int),
) ([]decodedSlice, error) {
	out := make([]decodedSlice, len(headers))
	files := openFiles{open: open, byPath: map[string]*openFile{}}
	for i := range headers {
		files.expect(headers[i].Path)
	}
	var mu sync.Mutex
	done := 0
	g, ctx := errgroup.WithContext(parent)
	g.SetLimit(runtime.GOMAXPROCS(0))
	order := make([]int, len(headers))
	for i := range order {
		order[i] = i
	}
	if inflated(headers) {
		g.SetLimit(1)
		sort.SliceStable(order, func(a, b int) bool { return headers[order[a]].Frame < headers[order[b]].Frame })
	}
	for _, i := range order {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := guard.Call(func() error { out[i] = files.decode(&headers[i]); return nil }); err != nil {
				return fmt.Errorf("decode slice %s: %w", headers[i].SOPInstanceUID, err)
			}
			if seen != nil && out[i].refusal == nil {
				seen(&headers[0], out[i].hu)
			}
			if progress != nil {
				mu.Lock()
				defer mu.Unlock()
				done++
				progress(done, len(headers))
			}
			return nil
		})
	}
	err := g.Wait()
	files.closeAll()
	if err == nil {
		err = parent.Err() // the loop may have ended early by the caller's context alone
	}
	return out, err
}

// inflated reports whether frames share a deflated file. Such a file is inflated from its beginning for every step back, so its
// frames are decoded one after the other, in their own order.
func inflated(headers []Header) bool {
	return slices.ContainsFunc(headers, func(h Header) bool {
		return h.Frames > 1 && h.TransferSyntaxUID == dataset.DeflatedExplicitVRLittleEndian
	})
}

// openFiles opens each file once and closes it after its last slice.
type openFiles struct {
	open   Opener
	mu     sync.Mutex
	byPath map[string]*openFile
}

type openFile struct {
	once sync.Once
	file *dataset.File
	err  error
	left int // slices still to come, under openFiles.mu
}

func (o *openFiles) expect(path string) {
	f := o.byPath[path]
	if f == nil {
		f = &openFile{}
		o.byPath[path] = f
	}
	f.left++
}

func (o *openFiles) decode(h *Header) decodedSlice {
	o.mu.Lock()
	f := o.byPath[h.Path]
	o.mu.Unlock()
	f.once.Do(func() { f.file, f.err = o.open(h.Path) })
	var d decodedSlice
	if f.err != nil {
		d.refusal = Unreadable(h.Path, f.err).Refusal
	} else {
		d = decode(f.file, h)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if f.left--; f.left == 0 && f.file != nil {
		f.file.Close()
		f.file = nil
	}
	return d
}

// closeAll closes what the end of a context left open.
func (o *openFiles) closeAll() {
	for _, f := range o.byPath {
		if f.file != nil {
			f.file.Close()
		}
	}
}

// Decode gives the Hounsfield units of the slice of a header, row by row, out of the open file that it was read from. It does not ask
// whether the slice could be part of a volume. The error is a *Refusal.
func Decode(f *dataset.File, h *Header) ([]int16, error) {
	d := decode(f, h)
	if d.refusal != nil {
		return nil, d.refusal
	}
	return d.hu, nil
}

func decode(f *dataset.File, h *Header) decodedSlice {
	samples, err := codec.Decode(f, h.Frame)
	if err != nil {
		return decodedSlice{refusal: refuse(CodeBrokenPixelData,
			fmt.Sprintf("the pixel data cannot be decoded: %v", err), "send the instance again")}
	}
	if samples.Rows != h.Rows || samples.Columns != h.Columns || samples.SamplesPerPixel != 1 || len(samples.Values) != h.Rows*h.Columns {
		return decodedSlice{refusal: refuse(CodeBrokenPixelData, fmt.Sprintf("the pixel data are %d x %d x %d, the header says %d x %d",
			samples.Rows, samples.Columns, samples.SamplesPerPixel, h.Rows, h.Columns), "send the instance again")}
	}
	hu := toHU(samples.Values, h.Slope, h.Intercept)
	ClearPadding(hu, samples.Values, h)
	return decodedSlice{hu: hu, means: blocksOf(h).Means(hu)}
}

// paddingHU: CT numbers end lower, those of metal on an extended scale included. What lies above is padding of -2000 that a
// converter wrote as an unsigned 63536.
const paddingHU = 40000

// toHU applies the rescale and clamps to AirHU..MaxHU.
func toHU(stored []int32, slope, intercept float64) []int16 {
	hu := make([]int16, len(stored))
	if slope == 1 && intercept == math.Trunc(intercept) {
		add := int64(intercept)
		for i, v := range stored {
			if at := int64(v) + add; at < paddingHU {
				hu[i] = int16(min(max(at, AirHU), MaxHU))
			} else {
				hu[i] = AirHU
			}
		}
		return hu
	}
	for i, v := range stored {
		if at := float64(v)*slope + intercept; at < paddingHU {
			hu[i] = int16(math.Round(math.Min(math.Max(at, AirHU), MaxHU)))
		} else {
			hu[i] = AirHU
		}
	}
	return hu
}

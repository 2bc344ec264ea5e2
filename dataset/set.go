package dataset

import (
	"cmp"
	"io"
	"slices"
	"sort"
	"strings"
)

// Set holds the elements of one level of a data set: the top level, the file meta
// information, or an item of a sequence. Values are as in the file; where a tag occurs
// twice the first one counts. A Set is read-only and safe for several goroutines.
type Set struct {
	list    []Element // in tag order, ends filled in
	content *content
	enc     layout
	lim     Limits
	parent  *Set // of an item: the set that holds its sequence
}

// newSet makes a Set of the elements of one level, given in file order.
func newSet(list []Element, c *content, enc layout, lim Limits) *Set {
	byTag := func(a, b Element) int { return cmp.Compare(a.Tag, b.Tag) }
	list = slices.DeleteFunc(list, func(e Element) bool { return e.end < e.ValueOffset }) // the walk found no end of it
	if !slices.IsSortedFunc(list, byTag) {
		slices.SortStableFunc(list, byTag)
	}
	return &Set{list: list, content: c, enc: enc, lim: lim}
}

// Elements returns the elements of this level in tag order; those inside sequences come
// from Items, values from Bytes.
func (s *Set) Elements() []Element {
	out := slices.Clone(s.list)
	for i := range out {
		out[i].VR = s.vr(out[i])
	}
	return out
}

func (s *Set) find(t Tag) (Element, bool) {
	i := sort.Search(len(s.list), func(i int) bool { return s.list[i].Tag >= t })
	if i == len(s.list) || s.list[i].Tag != t {
		return Element{}, false
	}
	return s.list[i], true
}

// Has tells whether t is present, be it empty.
func (s *Set) Has(t Tag) bool {
	_, ok := s.find(t)
	return ok
}

// VR is the value representation of t: that of the file, in implicit VR that of the
// dictionary of this package, "" when neither knows or t is absent.
func (s *Set) VR(t Tag) string {
	e, ok := s.find(t)
	if !ok {
		return ""
	}
	return s.vr(e)
}

func (s *Set) vr(e Element) string {
	if e.VR != "xs" {
		return e.VR
	}
	for at := s; at != nil; at = at.parent {
		if b, ok := at.Bytes(PixelRepresentation); ok && len(b) >= 2 {
			if b[0] == 1 {
				return "SS"
			}
			break
		}
	}
	return "US"
}

// longestValue bounds what one header value may take of memory, in bytes.
const longestValue = 16 << 20

// Bytes returns the value of t as it lies in the file, padding included, except that
// numbers of a big endian file are little endian. The value of a sequence is its items,
// unchanged, a delimiter at its end included; see Items. The caller must not change the
// bytes. It returns false when t is absent, is pixel data, is longer than any header value
// is (16 MiB), or cannot be read any more.
func (s *Set) Bytes(t Tag) ([]byte, bool) {
	e, ok := s.find(t)
	if !ok || e.Tag == PixelDataTag || e.end-e.ValueOffset > longestValue {
		return nil, false
	}
	b, err := s.content.bytes(e.ValueOffset, e.end-e.ValueOffset)
	if err != nil {
		return nil, false
	}
	if n := unit(s.vr(e)); s.enc.big && n > 1 {
		b = swapped(b, n)
	}
	return b, true
}

// Strings returns all values of a text element, separated by backslashes in the file,
// each without leading and trailing spaces and NULs, bytes not decoded. It is nil when
// t is absent or empty.
func (s *Set) Strings(t Tag) []string {
	b, _ := s.Bytes(t)
	text := strings.Trim(string(b), " \x00")
	if text == "" {
		return nil
	}
	values := strings.Split(text, `\`)
	for i, v := range values {
		values[i] = strings.Trim(v, " \x00")
	}
	return values
}

// String returns the first value of a text element, "" when absent; see Strings.
func (s *Set) String(t Tag) string {
	if values := s.Strings(t); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Items returns the items of the sequence t, nil when it is absent, empty, or not a
// sequence. A value of VR UN, or of a private tag in implicit VR, is read as a sequence
// if it is one.
func (s *Set) Items(t Tag) []*Set {
	e, ok := s.find(t)
	if !ok || e.Length == 0 || t == PixelDataTag || e.VR != "SQ" && e.VR != "UN" && e.VR != "" {
		return nil
	}
	raw, err := s.content.bytes(e.ValueOffset, e.end-e.ValueOffset)
	if err != nil {
		return nil
	}
	enc := s.enc
	if e.VR == "UN" {
		enc = layout{}
	}
	items, err := s.parse(e, raw, enc)
	if err != nil && (e.VR != "SQ" || !structural(err)) {
		return nil
	}
	return items
}

// parse splits the value of sequence sq into items. Those before a structural error are returned with it.
func (s *Set) parse(sq Element, raw []byte, enc layout) ([]*Set, error) {
	end := sq.ValueOffset + int64(len(raw))
	src := &source{buf: raw, base: sq.ValueOffset, eof: true, size: -1}
	depth := sq.Depth + 1
	var lists [][]Element // by item
	var layouts []layout
	scan := &scanner{src: src, lim: s.lim, mend: &mender{}}
	scan.visit = func(e Element) error {
		switch {
		case e.Depth == depth && e.Tag == Item:
			lists, layouts = append(lists, nil), append(layouts, e.enc)
		case e.Depth == depth:
			last := &lists[len(lists)-1]
			*last = append(*last, e)
		}
		return nil
	}
	scan.leave = func(e Element) {
		if e.Depth == depth {
			list := lists[len(lists)-1]
			list[len(list)-1].end = src.offset()
		}
	}
	failure := scan.items(sq, extent{end: end, delimited: sq.Length < 0}, enc)
	c := &content{segments: []segment{{sq.ValueOffset, raw}}, at: nothing{}}
	items := make([]*Set, len(lists))
	for i, list := range lists {
		items[i] = newSet(list, c, layouts[i], s.lim)
		items[i].parent = s
	}
	return items, failure
}

// nothing is the file behind a content that is wholly in memory.
type nothing struct{}

func (nothing) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

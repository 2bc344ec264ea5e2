package sc

import (
	"image"
	"strings"
)

// limits draws what a reader must know before the numbers, each sentence on a line of its own, smaller if there are many. Most pages
// have none.
func (s *sheet) limits() {
	if len(s.g.Limits) == 0 {
		return
	}
	const top, indent, most = 230, 18, 5
	st := textStyle
	lines := s.wrapAll(st, s.g.Limits, right-left-2*indent)
	if len(lines) > 2 {
		st = noteStyle
		lines = s.wrapAll(st, s.g.Limits, right-left-2*indent)
	}
	if len(lines) > most {
		_, lines[most-1] = s.p.fit(st, strings.Join(lines[most-1:], " "), right-left-2*indent, st.size)
		lines = lines[:most]
	}
	step := st.size * 27 / 20
	box := image.Rect(left, top, right, top+len(lines)*step+14)
	fill(s.dst, box, panel)
	fill(s.dst, image.Rect(box.Min.X, box.Min.Y, box.Min.X+4, box.Max.Y), warning)
	for i, line := range lines {
		s.p.text(s.dst, left+indent, top+6+st.size+i*step, st, warning, line, false)
	}
	s.shift = box.Dy() + 8
}

// wrapAll wraps each text to lines of at most width pixels.
func (s *sheet) wrapAll(st style, texts []string, width int) []string {
	var lines []string
	for _, text := range texts {
		lines = append(lines, s.p.wrap(st, text, width)...)
	}
	return lines
}

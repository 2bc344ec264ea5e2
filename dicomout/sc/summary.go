package sc

import (
	"fmt"
	"image"
	"image/color"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The summary page is a square of side pixels; everything lies between left and right.
const (
	side   = 1024
	margin = 40
	left   = margin
	right  = side - margin
)

// Type sizes of the summary page, in pixels.
var (
	titleStyle   = style{bold: true, size: 22}
	verdictStyle = style{bold: true, size: 50}
	valueStyle   = style{bold: true, size: 28}
	headStyle    = style{bold: true, size: 16}
	textStyle    = style{size: 18}
	boldStyle    = style{bold: true, size: 18}
	noteStyle    = style{size: 15}
)

// RenderSummary draws the summary page of a study.
func (p *Painter) RenderSummary(g *Page) (*image.RGBA, error) {
	if err := g.check(); err != nil {
		return nil, fmt.Errorf("summary: %w", err)
	}
	s := &sheet{p: p, g: g, dst: image.NewRGBA(image.Rect(0, 0, side, side))}
	fill(s.dst, s.dst.Rect, background)
	s.header()
	s.footer()
	if g.Outcome == NotProcessed {
		s.refusal()
		return s.dst, nil
	}
	s.verdict()
	s.limits()
	s.measures()
	if len(g.Slices) > 0 {
		c := lungCrop(g.Slices, 8)
		s.strip(c)
		s.plots(c)
	}
	return s.dst, nil
}

// sheet is a summary page while it is drawn.
type sheet struct {
	p   *Painter
	g   *Page
	dst *image.RGBA
	// shift is how many rows the limits take from the plots: all between them lies so much lower.
	shift int
}

// write draws one line from x that takes at most width pixels.
func (s *sheet) write(x, y int, st style, c color.RGBA, text string, width int) {
	st, text = s.p.fit(st, text, width, min(st.size, 12))
	s.p.text(s.dst, x, y, st, c, text, false)
}

// writeRight draws one line that ends at x and takes at most width pixels.
func (s *sheet) writeRight(x, y int, st style, c color.RGBA, text string, width int) {
	st, text = s.p.fit(st, text, width, min(st.size, 12))
	s.p.textRight(s.dst, x, y, st, c, text, false)
}

// paragraph draws text in at most the given number of lines and returns the base line after the last.
func (s *sheet) paragraph(x, y int, st style, c color.RGBA, text string, width, lines int) int {
	st, wrapped := s.p.paragraph(st, text, width, lines, 12)
	for _, line := range wrapped {
		s.p.text(s.dst, x, y, st, c, line, false)
		y += st.size * 27 / 20
	}
	return y
}

func (s *sheet) rule(y int) { fill(s.dst, image.Rect(left, y, right, y+1), divider) }

func (s *sheet) header() {
	s.write(left, 58, titleStyle, ink, "JCS chest CT summary", 500)
	s.writeRight(right, 58, boldStyle, warning, researchOnly, 400)
	s.rule(78)
}

// footer names the models with their status, the program, and the notice.
func (s *sheet) footer() {
	const top, line, half = 922, 22, 560
	s.rule(top)
	y := top + 28
	s.write(left, y, headStyle, faded, "Networks", half)
	for i, m := range s.g.Models {
		y += line
		mark, name := statusMark(m), modelName(m)
		if rest := s.g.Models[i:]; i == 1 && len(rest) > 1 {
			mark, name = statusMarks(rest), fmt.Sprintf("%d more networks", len(rest))
		}
		x := left
		if mark != "" {
			st, mark := s.p.fit(style{bold: true, size: noteStyle.size}, mark, 240, 12)
			s.write(x, y, st, warning, mark, 240)
			x += s.p.width(st, mark) + 8
		}
		s.write(x, y, noteStyle, ink, name, half-(x-left))
		if i == 1 {
			break
		}
	}
	if len(s.g.Models) == 0 {
		s.write(left, y+line, noteStyle, ink, "none", half)
	}
	s.writeRight(right, top+28, headStyle, warning, "Research use only. Not for diagnostic use.", right-left-half-20)
	s.writeRight(right, top+28+line, noteStyle, faded, "To be checked by a radiologist on the CT itself.", right-left-half-20)
	s.writeRight(right, top+28+2*line, noteStyle, faded, strings.TrimSpace("jcsnode "+s.g.Software), right-left-half-20)
}

// accent is the colour of the outcome.
func (s *sheet) accent() color.RGBA {
	switch s.g.Outcome {
	case Positive:
		return lesionRed
	case Negative:
		return calmGreen
	}
	return warning
}

// refusal is the page of a study without findings.
func (s *sheet) refusal() {
	s.write(left, 210, verdictStyle, s.accent(), s.g.Outcome.String(), right-left)
	y := s.section(274, "Because", s.g.Reason, "No reason was recorded.")
	y = s.section(y+36, "What to do", s.g.Remedy, "Look the study up on the pages of the node.")
	s.section(y+36, "What this means", "There is no finding for this study, neither positive nor negative.", "")
}

// section draws a heading and a paragraph, and returns the base line after it.
func (s *sheet) section(y int, head, text, otherwise string) int {
	if text == "" {
		text = otherwise
	}
	if first, n := utf8.DecodeRuneInString(text); n > 0 { // reasons are errors to the program, and begin like those
		text = string(unicode.ToUpper(first)) + text[n:]
	}
	s.write(left, y, style{bold: true, size: 20}, faded, head, right-left)
	return s.paragraph(left, y+36, style{size: 26}, ink, text, right-left, 6)
}

// verdict draws the outcome, the decision in words, and both rules with what was found.
func (s *sheet) verdict() {
	const split = 560
	s.write(left, 142, verdictStyle, s.accent(), s.g.Outcome.String(), split-left)
	st, lines := textStyle, 2
	if text := s.g.sentence(); len(s.p.wrap(st, text, split-left-40)) > lines {
		st, lines = style{size: 15}, 3
	}
	s.paragraph(left, 172, st, ink, s.g.sentence(), split-left-40, lines)

	d := s.g.Decision
	const found, threshold = right - 172, right
	s.write(split, 110, headStyle, faded, "Rule", 120)
	s.writeRight(found, 110, headStyle, faded, "Found", 140)
	s.writeRight(threshold, 110, headStyle, faded, "Positive above", 150)
	row := func(y int, rule, name, value, limit string) {
		st, c := textStyle, faded
		if d.Rule == rule {
			st, c = boldStyle, ink
			fill(s.dst, image.Rect(split-14, y-14, split-10, y+4), s.accent())
		}
		s.write(split, y, st, c, name, 150)
		s.writeRight(found, y, st, c, value, 150)
		s.writeRight(threshold, y, st, c, limit, 150)
	}
	row(140, "count", "Positive slices", fmt.Sprintf("%d of %d", d.PositiveSlices, len(s.g.Slices)), fmt.Sprintf("%d", d.Threshold))
	limit := "off"
	if d.ThresholdMM > 0 {
		limit = formatLength(d.ThresholdMM)
	}
	row(168, "length", "Their length", formatLength(d.PositiveMM), limit)
	note := "A slice is positive from a probability of " + formatNumber(d.OperatingPoint) + " on."
	if d.SmoothMM > 0 {
		note = "A slice is positive from " + formatNumber(d.OperatingPoint) +
			" on, smoothed over " + formatLength(d.SmoothMM) + " (not in the paper)."
	}
	s.write(split, 196, noteStyle, faded, note, right-split)
	s.rule(218)
}

// measures draws the volumes of the study and the share of the lung.
func (s *sheet) measures() {
	m := s.g.Measures
	cell := func(x int, name, value string, c color.RGBA) {
		s.write(x, s.shift+248, headStyle, faded, name, 160)
		st := valueStyle
		if value == notMeasured {
			st = style{size: 20}
			c = faded
		}
		s.write(x, s.shift+284, st, c, value, 160)
	}
	lung := notMeasured
	if m.LungML > 0 {
		lung = formatVolume(m.LungML)
	}
	cell(left, "Lung volume", lung, ink)
	if m.LungsCut {
		s.write(left, s.shift+305, noteStyle, warning, "cut by the field of view", 170)
	}
	if !m.Segmented {
		s.write(left+190, s.shift+248, headStyle, faded, "Lesions", 300)
		s.write(left+190, s.shift+282, textStyle, faded, "Not segmented: only positive studies are.", right-left-190)
		return
	}
	cell(left+190, "Lesion volume", formatVolume(m.LesionML), ink)
	if m.OutsideML > 0.01*m.LesionML { // a little is the border of the lung mask, more a doubt about the lesions
		s.write(left+190, s.shift+305, noteStyle, warning, formatVolume(m.OutsideML)+" outside lungs", 160)
	}
	cell(left+360, "Lesions", fmt.Sprint(m.Lesions), ink)
	var out []string
	if m.OffLungs > 0 {
		out = append(out, fmt.Sprintf("+ %d off the lungs", m.OffLungs))
	}
	if m.Specks > 0 {
		out = append(out, fmt.Sprintf("+ %d too small", m.Specks))
	}
	for i, text := range out {
		s.write(left+360, s.shift+305+17*i, noteStyle, faded, text, 118)
	}
	cell(left+480, "Share of lung", formatShare(m.Share()), s.accent())
	s.gauges(left+640, m)
}

// gauges draws the share of each lung as a bar over the classes in which readers score it: 5, 25, 50, 75 per cent.
func (s *sheet) gauges(x int, m Measures) {
	const label, number = 52, 64
	bar := image.Rect(x+label, 0, right-number, 0)
	type row struct {
		name  string
		share float64
	}
	rows := []row{{"Right", m.Right.share()}, {"Left", m.Left.share()}}
	if m.Right.share() < 0 && m.Left.share() < 0 {
		rows = []row{{"Lungs", m.Share()}}
	}
	for i, row := range rows {
		y := s.shift + 238 + 24*i
		s.write(x, y+13, noteStyle, faded, row.name, label)
		track := image.Rect(bar.Min.X, y, bar.Max.X, y+14)
		fill(s.dst, track, panel)
		fill(s.dst, image.Rect(track.Min.X, y, track.Min.X+round(min(1, max(0, row.share))*float64(track.Dx())), y+14), lesionRed)
		for _, tick := range []float64{0.05, 0.25, 0.5, 0.75} {
			tx := track.Min.X + round(tick*float64(track.Dx()))
			fill(s.dst, image.Rect(tx, y, tx+1, y+14), divider)
		}
		text := formatShare(row.share)
		if row.share < 0 {
			text = "-"
		}
		s.writeRight(right, y+13, noteStyle, ink, text, number-8)
	}
	for _, tick := range []int{5, 25, 50, 75} {
		text := fmt.Sprint(tick)
		tx := bar.Min.X + tick*bar.Dx()/100
		s.write(tx-s.p.width(style{size: 14}, text)/2, s.shift+300, style{size: 14}, faded, text, 40)
	}
	s.writeRight(right, s.shift+300, style{size: 14}, faded, "% of lung", number)
}

// strip draws the worst slices side by side.
func (s *sheet) strip(c crop) {
	const n, gap = 4, 16
	top := s.shift + 350
	size := (right - left - (n-1)*gap) / n
	head := "Slices with the largest lesions, apex to base"
	if !s.g.Measures.Segmented {
		head = "Slices with the highest probabilities, apex to base"
	}
	s.write(left, top-14, headStyle, faded, head, right-left)
	chosen := worst(s.g.Slices, n)
	for k := range chosen {
		i := chosen[len(chosen)-1-k]
		if s.g.Facing.ApexFirst {
			i = chosen[k]
		}
		slice := &s.g.Slices[i]
		var activation []float32
		// On a slice that is not positive a tint would show its noise as a finding.
		if s.g.Activation != nil && slice.Mask == nil && slice.Positive {
			activation = s.g.Activation(i)
		}
		r := image.Rect(0, 0, size, size).Add(image.Pt(left+k*(size+gap), top))
		s.p.thumbnail(s.dst, r, slice, activation, s.g.Scale.Max, c, s.g.Facing)
		frame(s.dst, r, divider)
		value := "p " + formatProbability(slice.Counted())
		if slice.Mask != nil {
			value = formatArea(slice.LesionAreaMM2)
		}
		s.writeRight(r.Max.X, r.Max.Y+20, noteStyle, faded, value, size/2-4)
		s.write(r.Min.X, r.Max.Y+20, noteStyle, ink, slice.Label, size/2-4)
	}
}

// plots draws the lung map and the probabilities side by side over the same axis, from apex to base.
func (s *sheet) plots(c crop) {
	const bottom, split = 884, 400
	top := s.shift + 652
	a := newAxis(s.g.Slices, s.g.Facing.ApexFirst, top, bottom)
	width := round(c.side * float64(bottom-top) / a.length())
	width = min(max(width, 60), split-left-110)
	area := image.Rect(left, top, left+width, bottom)
	s.write(left, top-14, headStyle, faded, "Lung map, apex to base", split-left)
	fill(s.dst, area, panel)
	short := a.length() < c.side/4 // stretched over the height it would look like no chest
	if short {
		s.paragraph(area.Min.X+16, top+40, noteStyle, faded,
			"The slices span "+formatLength(a.length())+": too little for a map.", area.Dx()-32, 4)
	} else {
		s.p.lungMap(s.dst, area, s.g.Slices, a, c, s.g.Facing)
		letter := style{bold: true, size: 15}
		s.p.text(s.dst, area.Min.X+8, top+20, letter, white, "R", true)
		s.p.textRight(s.dst, area.Max.X-8, top+20, letter, white, "L", true)
	}
	frame(s.dst, area, divider)
	if s.g.Measures.Segmented && !short {
		key := image.Rect(left, bottom+8, left+12, bottom+18)
		fill(s.dst, key, lesionRed)
		s.write(key.Max.X+8, bottom+19, noteStyle, faded, "lesion, by share of the lung's depth", split-10-key.Max.X-8)
	}

	bars := image.Rect(split, top, right, bottom)
	head := "Probability by slice, apex to base"
	if s.g.Decision.SmoothMM > 0 {
		head = "Smoothed probability; dots: of the slice itself"
	}
	s.write(split, top-14, headStyle, faded, head, 300)
	s.p.profile(s.dst, bars, s.g.Slices, a, s.g.Decision)
	for _, gap := range a.gaps() {
		if from, to := round(a.row(gap.from)), round(a.row(gap.to)); to-from > noteStyle.size {
			s.write(bars.Min.X+8, (from+to)/2+5, noteStyle, faded, "not read", bars.Dx())
		}
	}
	tick := noteStyle
	for _, t := range []struct {
		value float64
		text  string
	}{{0, "0"}, {0.5, "0.5"}, {1, "1"}} {
		x := bars.Min.X + round(t.value*float64(bars.Dx()-1))
		s.write(min(x-s.p.width(tick, t.text)/2, right-s.p.width(tick, t.text)), bottom+19, tick, faded, t.text, 60)
	}
	s.writeRight(right, top-14, noteStyle, faded, "dashed: operating point "+formatNumber(s.g.Decision.OperatingPoint), 280)
	// Slices at the ends and quarters name the rows; the text stands between map and bars.
	n := len(a.order)
	last := top - 100
	for q := range 5 {
		k := q * (n - 1) / 4
		y := round(a.row(a.centres[k])) + 5
		y = min(max(y, top+12), bottom-2)
		if y-last < 20 {
			continue
		}
		last = y
		s.writeRight(split-10, y, tick, faded, s.g.Slices[a.order[k]].Label, split-10-area.Max.X-8)
	}
}

package sc

import (
	"fmt"
	"image"
	"image/color"
	"slices"
	"strings"

	"jcsnode/dicomout/object"
)

// researchOnly is burned into every picture.
const researchOnly = "RESEARCH USE ONLY"

// Scale is the range of the activation, fixed for the whole study: on a scale of its own every slice would look ill.
type Scale struct {
	// Max is the activation drawn as 1.
	Max float64
	// Text says where Max comes from: "study maximum".
	Text string
	// Relative tells that the values are shares of a maximum that is not known here.
	Relative bool
}

// RenderSlice draws the slice in grey alone, on the grid of the other pictures of it.
func (p *Painter) RenderSlice(s *Picture) (*image.RGBA, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	return p.base(s, s.grid()), nil
}

// RenderActivation draws the slice in grey with the activation in colour over it, and the edges of lesions if the slice has a
// mask. Activation has Rows x Columns values, 0..scale.Max.
func (p *Painter) RenderActivation(s *Picture, activation []float32, scale Scale, models []object.Model) (*image.RGBA, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if len(activation) != s.Rows*s.Columns {
		return nil, fmt.Errorf("%s: activation of %d values for %d x %d pixels", s.Label, len(activation), s.Rows, s.Columns)
	}
	g := s.grid()
	dst := p.base(s, g)
	if scale.Max > 0 {
		p.tint(dst, g, activation, scale.Max)
	}
	if s.Mask != nil {
		outline(dst, nearest(g, s.Mask), edgeColor)
	}
	l := newLegend(p, dst)
	l.upperLeft("JCS activation map", append([]string{s.Label}, probabilityLines(s)...)...)
	l.edges(s)
	l.lowerLeft(models)
	l.colourBar(scale)
	return dst, nil
}

// probabilityLines are the probability of a slice and, below it, that which counts in its place.
func probabilityLines(s *Picture) []string {
	lines := []string{"Probability " + formatProbability(s.Probability)}
	if s.Smoothed != nil {
		lines = append(lines, "Smoothed "+formatProbability(*s.Smoothed))
	}
	return lines
}

// StudyMeasures are the measures of the study that stand on each outline.
type StudyMeasures struct {
	LesionVolumeML float64
	// LungShare is the share of the lung that is lesion, 0..1; negative when it was not measured.
	LungShare float64
}

// RenderOutline draws the slice in grey with the edges of its lesions and what was measured. The slice must have a mask.
func (p *Painter) RenderOutline(s *Picture, study StudyMeasures, models []object.Model) (*image.RGBA, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Mask == nil {
		return nil, fmt.Errorf("%s: an outline without a mask", s.Label)
	}
	g := s.grid()
	dst := p.base(s, g)
	outline(dst, nearest(g, s.Mask), edgeColor)
	l := newLegend(p, dst)
	l.upperLeft("JCS lesion outline", append([]string{s.Label,
		fmt.Sprintf("Lesions in slice %d", regions(s.Mask, s.Rows, s.Columns)),
		"Area " + formatArea(s.LesionAreaMM2)}, probabilityLines(s)...)...)
	l.upperRight("Study", "Lesion volume "+formatVolume(study.LesionVolumeML), "Share of lung "+formatShare(study.LungShare))
	l.edges(s)
	l.lowerLeft(models)
	return dst, nil
}

// RenderLungs draws the slice in grey with the edges of the lung mask. The slice must have one.
func (p *Painter) RenderLungs(s *Picture) (*image.RGBA, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.Lung == nil {
		return nil, fmt.Errorf("%s: lungs without a mask", s.Label)
	}
	g := s.grid()
	dst := p.base(s, g)
	outline(dst, nearest(g, s.Lung), edgeColor)
	l := newLegend(p, dst)
	l.upperLeft("jcsnode lung mask", s.Label)
	l.edges(s)
	l.lowerLeft(nil)
	return dst, nil
}

// legend places text over a picture: white on a black edge, 13 pixels high at 512 and in proportion above.
type legend struct {
	p            *Painter
	dst          *image.RGBA
	body, strong style
	line, margin int
}

func newLegend(p *Painter, dst *image.RGBA) *legend {
	side := min(dst.Rect.Dx(), dst.Rect.Dy())
	size := max(13, side*13/512)
	return &legend{p: p, dst: dst, body: style{size: size}, strong: style{bold: true, size: size},
		line: size * 4 / 3, margin: max(8, side/50)}
}

// half is the width that a column of text may take, with room for a letter between both.
func (l *legend) half() int { return l.dst.Rect.Dx()/2 - l.margin*3/2 - l.body.size }

// write draws one line from x, made small enough for width, and returns its width.
func (l *legend) write(x, y int, s style, c color.RGBA, text string, width int) int {
	s, text = l.p.fit(s, text, width, 12)
	return l.p.text(l.dst, x, y, s, c, text, true)
}

// upperLeft writes a title and lines under it.
func (l *legend) upperLeft(title string, lines ...string) {
	y := l.margin + l.body.size
	l.write(l.margin, y, l.strong, white, title, l.half())
	for _, text := range lines {
		y += l.line
		l.write(l.margin, y, l.body, white, text, l.half())
	}
}

// upperRight writes a title and lines under it, aligned to the right.
func (l *legend) upperRight(title string, lines ...string) {
	y := l.margin + l.body.size
	right := l.dst.Rect.Dx() - l.margin
	s, title := l.p.fit(l.strong, title, l.half(), 12)
	l.p.textRight(l.dst, right, y, s, white, title, true)
	for _, text := range lines {
		y += l.line
		s, text = l.p.fit(l.body, text, l.half(), 12)
		l.p.textRight(l.dst, right, y, s, white, text, true)
	}
}

// edges writes the patient's directions in the middle of the left and upper edge, for readers whose viewer does not.
func (l *legend) edges(s *Picture) {
	letter := style{bold: true, size: l.body.size * 5 / 4}
	l.p.text(l.dst, l.margin, (l.dst.Rect.Dy()+letter.size)/2, letter, white, s.Left, true)
	l.p.text(l.dst, (l.dst.Rect.Dx()-l.p.width(letter, s.Top))/2, l.margin+letter.size, letter, white, s.Top, true)
}

// lowerLeft writes the research notice and the models, each with its status unless it is trained.
func (l *legend) lowerLeft(models []object.Model) {
	width := l.dst.Rect.Dx() - 2*l.margin
	y := l.dst.Rect.Dy() - l.margin - l.line*len(models)
	l.write(l.margin, y, l.strong, white, researchOnly, width)
	for _, m := range models {
		y += l.line
		mark := statusMark(m)
		x := l.margin
		if mark != "" { // the status first: a long name must not push it out
			x += l.write(x, y, l.strong, warning, mark, width/2) + l.body.size/2
		}
		l.write(x, y, l.body, white, modelName(m), width-(x-l.margin))
	}
}

// colourBar draws the colour table with its ends and the scale of the study at the right.
func (l *legend) colourBar(scale Scale) {
	size := l.body.size
	height := l.dst.Rect.Dy() * 3 / 10
	right := l.dst.Rect.Dx() - l.margin
	top := (l.dst.Rect.Dy() - height) / 2
	bar := image.Rect(right-size, top, right, top+height)
	fill(l.dst, bar.Inset(-2), color.RGBA{A: 255})
	frame(l.dst, bar.Inset(-1), white)
	for y := range height {
		c := Jet(uint8(255 - (510*y+height)/(2*height)))
		fill(l.dst, image.Rect(bar.Min.X, top+y, bar.Max.X, top+y+1), c)
	}
	ticks := bar.Min.X - size/2
	l.p.textRight(l.dst, ticks, top+size*3/4, l.body, white, "1", true)
	l.p.textRight(l.dst, ticks, top+height, l.body, white, "0", true)
	l.p.textRight(l.dst, right, top-size*3/4, l.strong, white, "Activation", true)
	lines := []string{"1 = " + scale.Text}
	if !scale.Relative {
		lines = append(lines, "("+formatNumber(scale.Max)+")")
	}
	for i, text := range lines {
		s, text := l.p.fit(l.body, text, l.half(), 12)
		l.p.textRight(l.dst, right, top+height+size/2+(i+1)*l.line, s, white, text, true)
	}
}

// modelName is the model's name and version.
func modelName(m object.Model) string { return strings.TrimSpace(m.Name + " " + m.Version) }

// statusMark is what must be seen of a model's status: nothing for a trained one.
func statusMark(m object.Model) string {
	switch m.Status {
	case object.StatusTrained:
		return ""
	case "":
		return "UNKNOWN STATUS"
	}
	return strings.ToUpper(m.Status)
}

// statusMarks joins the different marks of several models.
func statusMarks(models []object.Model) string {
	var marks []string
	for _, m := range models {
		if mark := statusMark(m); mark != "" && !slices.Contains(marks, mark) {
			marks = append(marks, mark)
		}
	}
	return strings.Join(marks, ", ")
}

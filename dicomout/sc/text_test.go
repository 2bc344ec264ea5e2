package sc

import (
	"image"
	"strings"
	"testing"
)

func TestFit_NeverExceedsTheWidth(t *testing.T) {
	p := newTestPainter(t)
	for _, text := range []string{"", "x", "Probability 0.97", strings.Repeat("jcs-classifier-", 20), "Ünïcödé µ² “…”"} {
		for _, width := range []int{5, 60, 200, 900} {
			s, short := p.fit(style{size: 18}, text, width, 12)
			if got := p.width(s, short); got > width {
				t.Errorf("%q in %d: %q is %d wide", text, width, short, got)
			}
			if s.size < 12 {
				t.Errorf("%q in %d: size %d", text, width, s.size)
			}
		}
	}
}

func TestFit_ShrinksBeforeItCuts(t *testing.T) {
	p := newTestPainter(t)
	text := "Length of positive slices"
	s, got := p.fit(style{size: 18}, text, p.width(style{size: 15}, text), 12)
	if got != text || s.size != 15 {
		t.Errorf("got %q at %d, want the whole text at 15", got, s.size)
	}
}

func TestWrap_KeepsEveryCharacter(t *testing.T) {
	p := newTestPainter(t)
	for _, text := range []string{
		"The study has no axial CT series of the chest that can be read.",
		"uid 1.3.12.2.1107.5.1.4.93005.30000020030507333373200012486.1.3.12.2.1107.5.1.4.93005 is unreadable",
		"漢字 text", "",
	} {
		lines := p.wrap(style{size: 18}, text, 160)
		joined := strings.ReplaceAll(strings.Join(lines, ""), " ", "")
		if want := strings.ReplaceAll(text, " ", ""); joined != want {
			t.Errorf("%q became %q", text, lines)
		}
		for _, line := range lines {
			if w := p.width(style{size: 18}, line); w > 160 {
				t.Errorf("line %q of %q is %d wide", line, text, w)
			}
		}
	}
}

func TestParagraph_StaysInItsLines(t *testing.T) {
	p := newTestPainter(t)
	long := strings.Repeat("The series has a gap between two images. ", 30)
	s, lines := p.paragraph(style{size: 22}, long, 500, 6, 12)
	if len(lines) != 6 || !strings.HasSuffix(lines[5], "…") || s.size != 12 {
		t.Errorf("%d lines at %d, last %q", len(lines), s.size, lines[len(lines)-1])
	}
	if s, lines := p.paragraph(style{size: 22}, "Short.", 500, 6, 12); len(lines) != 1 || s.size != 22 {
		t.Errorf("short text: %q at %d", lines, s.size)
	}
}

// box is a text on a picture.
type box struct {
	text string
	r    image.Rectangle
}

// record returns a painter that notes where texts go.
func record(t *testing.T) (*Painter, *[]box) {
	p := newTestPainter(t)
	var boxes []box
	p.placed = func(text string, r image.Rectangle) {
		if text != "" {
			boxes = append(boxes, box{text, r})
		}
	}
	return p, &boxes
}

// checkBoxes makes sure that all texts lie in area and none on another.
func checkBoxes(t *testing.T, boxes []box, area image.Rectangle) {
	t.Helper()
	if len(boxes) == 0 {
		t.Error("no text at all")
	}
	for i, b := range boxes {
		if !b.r.In(area) {
			t.Errorf("%q at %v leaves %v", b.text, b.r, area)
		}
		for _, other := range boxes[:i] {
			if b.r.Overlaps(other.r) {
				t.Errorf("%q at %v lies on %q at %v", b.text, b.r, other.text, other.r)
			}
		}
	}
}

// hasText tells whether one of the texts contains part.
func hasText(boxes []box, part string) bool {
	for _, b := range boxes {
		if strings.Contains(b.text, part) {
			return true
		}
	}
	return false
}

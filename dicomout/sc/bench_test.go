package sc

import "testing"

func BenchmarkRenderSummary(b *testing.B) {
	p := newTestPainter(b)
	page := phantomPage()
	page.Slices = phantom(150, 512, 512, 0.7)
	for b.Loop() {
		if _, err := p.RenderSummary(page); err != nil {
			b.Fatal(err)
		}
	}
}

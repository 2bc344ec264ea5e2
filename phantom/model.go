package phantom

import "math/rand/v2"

// model is everything that can be drawn.
type model struct {
	body     *body
	branches []branch
	lesions  []lesion
}

// Numbers that make the picture plausible: ends of vessels for each lung, and
// patches of ground glass in all.
const (
	vesselEnds  = 1100
	lesionCount = 18
)

func newModel(seed uint64, lesions bool) *model {
	m := &model{body: newBody(seed)}
	m.branches = m.body.lungVessels(rand.New(rand.NewPCG(seed, 1)), vesselEnds)
	if lesions {
		m.lesions = growLesions(rand.New(rand.NewPCG(seed, 2)), m.body, lesionCount)
	}
	return m
}

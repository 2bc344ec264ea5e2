package node

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"jcsnode/config"
	"jcsnode/results"
)

// shapeOf is a text that differs from another node's if the objects of a study would: by its settings, its networks, or what calculates.
// Neither the study nor the version of the program is in it.
func shapeOf(c config.Config, networks Networks) string {
	m := Maker(c, "", networks)
	cascade := m.Cascade
	cascade.Workers = 0 // how many slices at a time is nobody's business
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %v %v %+v %+v",
		m.NodeID, m.SeriesBase, m.Geometry, cascade, results.Models(m.Manifest, m.Engine)))
	return hex.EncodeToString(sum[:8])
}

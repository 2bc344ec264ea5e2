package node

import (
	"log/slog"

	"jcsnode/config"
	"jcsnode/models"
	"jcsnode/pipeline/cascade"
	"jcsnode/results"
)

// OpenNetworks loads the networks as the configuration says.
func OpenNetworks(c config.Models, log *slog.Logger) (*models.Runtime, error) {
	return models.Open(c.Dir, models.Options{Library: c.Library, Device: c.Device, Threads: c.Threads, Altered: c.Altered == "allow"}, log)
}

// Networks are what parts that do not run them know of networks: what they are, how many run at a time, and what calculates.
type Networks interface {
	Manifest() models.Manifest
	Workers() int
	Engine() string
}

// Maker makes objects under the configuration; its Cascade says how studies are read. It knows no ledger.
func Maker(c config.Config, version string, networks Networks) *results.Maker {
	manifest := networks.Manifest()
	return &results.Maker{
		Version:    version,
		NodeID:     c.Node.ID,
		SeriesBase: c.Objects.SeriesBase,
		Geometry:   c.Objects.SCGeometry,
		Recipients: Recipients(c.Destinations),
		Manifest:   manifest,
		Engine:     networks.Engine(),
		Cascade: cascade.Settings{
			Threshold:                c.Cascade.Threshold,
			ThresholdMM:              c.Cascade.ThresholdMM,
			SmoothMM:                 c.Cascade.SmoothMM,
			Segment:                  c.Cascade.Segment,
			NearMM:                   c.Cascade.NearMM,
			OffLungs:                 c.Cascade.OffLungs,
			LeastLesionML:            c.Cascade.LeastLesionML,
			ClassifierOperatingPoint: manifest.Classifier.OperatingPoint,
			SegmenterOperatingPoint:  manifest.Segmenter.OperatingPoint,
			Workers:                  networks.Workers(),
		},
	}
}

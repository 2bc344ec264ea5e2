package node

import (
	"context"
	"log/slog"

	"jcsnode/config"
	"jcsnode/models"
	"jcsnode/pipeline"
	"jcsnode/pipeline/cascade"
	"jcsnode/results"
)

// OpenNetworks loads the networks as the configuration says.
func OpenNetworks(c config.Models, log *slog.Logger) (*models.Runtime, error) {
	return models.Open(c.Dir, models.Options{Library: c.Library, Device: c.Device, Threads: c.Threads, Altered: c.Altered == "allow"}, log)
}

// Cascade gives the networks of a runtime as the cascade asks them.
func Cascade(r *models.Runtime) pipeline.Networks {
	return pipeline.Networks{Classifier: classifier{r}, Segmenter: r}
}

// classifier gives the runtime's answers as the cascade's: the two rooms do not know each other.
type classifier struct{ runtime *models.Runtime }

func (c classifier) Classify(ctx context.Context, hu []float32, rows, columns int) (cascade.Classification, error) {
	said, err := c.runtime.Classify(ctx, hu, rows, columns)
	return cascade.Classification(said), err
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
			DistanceLimit:            manifest.DistanceLimit(),
			SegmenterOperatingPoint:  manifest.Segmenter.OperatingPoint,
			Workers:                  networks.Workers(),
		},
	}
}

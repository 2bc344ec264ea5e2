package cascade

import "jcsnode/pipeline/ct"

// Findings is what the cascade found in a volume.
type Findings struct {
	Slices   []SliceFinding // one for each slice of the volume, in its order
	Decision Decision
	Lesions  Lesions // zero when nothing was segmented
}

// SliceFinding is what the networks said about one slice.
type SliceFinding struct {
	Probability float64 // of COVID-19, 0..1, as the classifier gave it
	Smoothed    float64 // Probability, or with Settings.SmoothMM the median of those around: what counts
	Positive    bool    // Smoothed reaches the operating point
	Distance    float64 // from the slices that the classifier was trained on; 0 if it tells none
	Activation  *Activation

	Mask           []byte // rows*columns, 1 is lesion; nil when the slice was not asked about
	PassedOver     bool   // Mask is empty without the segmenter's saying so: no lung, and no lesion of one, reaches the slice
	LesionPixels   int
	LesionAreaMM2  float64
	LesionVolumeML float64 // area times the extent of the slice
	LesionMeanHU   float64 // 0 without lesion
}

// Lesions sums up the masks of a volume.
type Lesions struct {
	Segmented     int     // slices that the segmenter saw
	PassedOver    int     // slices that it did not have to see; SliceFinding.PassedOver
	Slices        int     // slices with lesion
	VolumeML      float64 // sum of area times extent
	MeanHU        float64 // over all lesion pixels; 0 without lesion
	LargestSlice  int     // index of the slice with the largest lesion area; -1 without lesion
	LargestAreaMM float64 // its area in mm2
}

// setMask sets the mask of slice i and what is counted in it.
func (f *SliceFinding) setMask(mask []byte, v *ct.Volume, i int) {
	var sum float64
	f.Mask, f.LesionPixels, f.LesionMeanHU = mask, 0, 0
	for k, m := range mask {
		if m != 0 {
			f.LesionPixels++
			sum += float64(v.Slices[i].HU[k])
		}
	}
	f.LesionAreaMM2 = float64(f.LesionPixels) * v.PixelArea()
	f.LesionVolumeML = f.LesionAreaMM2 * v.Slices[i].Extent / 1000
	if f.LesionPixels > 0 {
		f.LesionMeanHU = sum / float64(f.LesionPixels)
	}
}

// Restrict puts masks, one for each slice of the volume and nil where none was segmented, in the place of those that were
// found, and counts anew.
func (f *Findings) Restrict(v *ct.Volume, masks [][]byte) {
	for i := range f.Slices {
		f.Slices[i].setMask(masks[i], v, i)
	}
	f.sum()
}

// sum fills Lesions from the slices.
func (f *Findings) sum() {
	f.Lesions = Lesions{LargestSlice: -1}
	l := &f.Lesions
	var weighted float64
	pixels := 0
	for i := range f.Slices {
		f := &f.Slices[i]
		switch {
		case f.PassedOver:
			l.PassedOver++
		case f.Mask != nil:
			l.Segmented++
		}
		if f.LesionPixels == 0 {
			continue
		}
		l.Slices++
		l.VolumeML += f.LesionVolumeML
		weighted += f.LesionMeanHU * float64(f.LesionPixels)
		pixels += f.LesionPixels
		if f.LesionAreaMM2 > l.LargestAreaMM {
			l.LargestSlice, l.LargestAreaMM = i, f.LesionAreaMM2
		}
	}
	if pixels > 0 {
		l.MeanHU = weighted / float64(pixels)
	}
}

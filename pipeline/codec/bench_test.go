package codec_test

import (
	"path/filepath"
	"testing"

	"jcsnode/corpus"
	"jcsnode/dataset"
	"jcsnode/pipeline/codec"
)

// BenchmarkDecode decodes one 512 x 512 CT slice in every transfer syntax.
func BenchmarkDecode(b *testing.B) {
	dir := corpus.Shared(b, "syntaxes")
	for _, name := range []string{
		"explicit-le", "explicit-be", "deflated", "rle", "jpeg-lossless-sv1", "jpeg-lossless-p14-sv6",
		"jpeg-extended-12bit", "jpegls-lossless", "jpegls-near2", "j2k-lossless", "htj2k-lossless",
	} {
		b.Run(name, func(b *testing.B) {
			f, err := dataset.Open(filepath.Join(dir, "ct_u12", name+".dcm"), dataset.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			for b.Loop() {
				if _, err := codec.Decode(f, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

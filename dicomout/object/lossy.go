package object

import (
	"slices"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// Lossy gathers whether any source image was ever compressed with loss: what is made of it stays marked (PS3.3 C.7.6.1.1.5). The
// zero value says that none was.
type Lossy struct {
	found         bool
	ratio, method string
}

// lossyMethods are the defined terms for the transfer syntaxes that lose information (PS3.3 C.7.6.1.1.5.1).
var lossyMethods = map[string]string{
	dataset.JPEGBaseline8Bit:   "ISO_10918_1",
	dataset.JPEGExtended12Bit:  "ISO_10918_1",
	dataset.JPEGLSNearLossless: "ISO_14495_1",
	dataset.JPEG2000:           "ISO_15444_1",
	dataset.HTJ2K:              "ISO_15444_15",
}

// Add takes a source image into account: its flag, or its transfer syntax when that is one that may lose and the flag does not
// deny it. The first lossy image gives ratio and method.
func (l *Lossy) Add(f *dataset.File) {
	if l.found {
		return
	}
	set := f.Set()
	flag := set.String(dataset.LossyImageCompression)
	method, mayLose := lossyMethods[f.TransferSyntax().UID]
	if flag != "01" && (!mayLose || flag == "00") {
		return
	}
	l.found = true
	l.ratio = validText(set, dataset.LossyImageCompressionRatio)
	l.method = validText(set, dataset.LossyImageCompressionMethod)
	if l.method == "" {
		l.method = method
	}
}

// validText is the text of an attribute whose values are valid, else "".
func validText(set *dataset.Set, t dataset.Tag) string {
	text := strings.Join(set.Strings(t), `\`)
	if (attribute{tag: t}).invalid([]byte(text), nil) != "" || slices.Contains(strings.Split(text, `\`), "") {
		return ""
	}
	return text
}

// lossy returns what the caller gathered, or what the source file says.
func (s *Study) lossy() *Lossy {
	if s.Lossy != nil {
		return s.Lossy
	}
	l := new(Lossy)
	l.Add(s.Source)
	return l
}

func (l *Lossy) elements() []*Element {
	if !l.found {
		return []*Element{Text(tag.LossyImageCompression, "CS", "00")}
	}
	elements := []*Element{Text(tag.LossyImageCompression, "CS", "01")}
	if l.ratio != "" {
		elements = append(elements, Text(tag.LossyImageCompressionRatio, "DS", l.ratio))
	}
	if l.method != "" {
		elements = append(elements, Text(tag.LossyImageCompressionMethod, "CS", l.method))
	}
	return elements
}

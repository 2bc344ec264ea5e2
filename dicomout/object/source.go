package object

import (
	"errors"
	"fmt"
	"slices"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// Omission is an attribute of the source that our objects do not carry as it is, since no standard allows it there. It names no value.
type Omission struct {
	Tag dataset.Tag
	Why string
}

// String is "(0012,0064) DeidentificationMethodCodeSequence is left out: text where a sequence belongs".
func (o Omission) String() string {
	name := ""
	if info, err := tag.Find(libraryTag(o.Tag)); err == nil {
		name = " " + info.Keyword
	}
	return fmt.Sprintf("%v%s %s", o.Tag, name, o.Why)
}

// Omissions lists what of the source file is not carried as it is: patient and study, scanner and body part.
func Omissions(source *dataset.File) ([]Omission, error) {
	c := newCopier(source.Set())
	_, err := c.patientAndStudy()
	_, scanner := c.scanner()
	_, part := c.bodyPart(false)
	return c.omissions, errors.Join(err, scanner, part)
}

// copier takes attributes from a data set of somebody else's: in the VR that PS3.6 gives them, where their values are valid (PS3.5 6.2),
// byte for byte. What is not valid is left out, or empty where it must be there, and listed.
type copier struct {
	set       *dataset.Set
	charset   []string // of the set
	outer     string   // the sequence around the set, for omissions
	omissions []Omission
}

func newCopier(set *dataset.Set) *copier {
	return &copier{set: set, charset: charsetOf(set, nil)}
}

// omit notes that an attribute is not carried as it is.
func (c *copier) omit(t dataset.Tag, why string) {
	o := Omission{t, c.outer + why}
	if !slices.Contains(c.omissions, o) {
		c.omissions = append(c.omissions, o)
	}
}

// attributes copies what the set has of the list, and makes those of type 2 that it lacks.
func (c *copier) attributes(wanted []attribute) ([]*Element, error) {
	var elements []*Element
	for _, a := range wanted {
		e, err := c.attribute(a)
		if err != nil {
			return nil, err
		}
		if e == nil && a.must {
			e = Empty(libraryTag(a.tag), a.vr())
		}
		if e != nil {
			elements = append(elements, e)
		}
	}
	return elements, nil
}

// attribute copies one attribute; nil when the set lacks it, or when it is no valid one. The error says that it cannot be read.
func (c *copier) attribute(a attribute) (*Element, error) {
	if !c.set.Has(a.tag) {
		return nil, nil
	}
	if a.tag == dataset.SpecificCharacterSet {
		return c.characterSet()
	}
	vr, items := a.vr(), c.set.Items(a.tag)
	if vr == "SQ" {
		return c.sequence(a, items)
	}
	if c.set.VR(a.tag) == "SQ" || len(items) > 0 {
		c.omit(a.tag, "is left out: a sequence where a value belongs")
		return nil, nil
	}
	value, err := c.value(a.tag)
	if value == nil || err != nil {
		return nil, err
	}
	value = unpadded(vr, value)
	switch why := a.invalid(value, c.charset); {
	case why == "":
	case a.identity && len(value) <= longestShort && textual(c.set.VR(a.tag)):
		c.omit(a.tag, "is carried byte for byte, though "+why)
	case a.must:
		c.omit(a.tag, "is left empty: "+why)
		return nil, nil
	default:
		c.omit(a.tag, "is left out: "+why)
		return nil, nil
	}
	return Raw(libraryTag(a.tag), vr, value), nil
}

// textual tells whether a value of the VR may be meant as text: that of UN and of implicit VR may.
func textual(vr string) bool {
	_, text := rules[vr]
	return text || vr == "UN" || vr == ""
}

// value returns the bytes of an attribute that the set has; nil when they are more than any header value may have.
func (c *copier) value(t dataset.Tag) ([]byte, error) {
	value, ok := c.set.Bytes(t)
	if ok {
		return append([]byte{}, value...), nil // not nil, though it may be empty
	}
	const longest = 16 << 20 // of dataset.Set.Bytes
	for _, e := range c.set.Elements() {
		if e.Tag == t && e.Length > longest {
			c.omit(t, "is left out: longer than its VR can be")
			return nil, nil
		}
	}
	return nil, fmt.Errorf("value of %v cannot be read from the source file", t)
}

// sequence copies the items that are valid.
func (c *copier) sequence(a attribute, items []*dataset.Set) (*Element, error) {
	if len(items) == 0 {
		if value, ok := c.set.Bytes(a.tag); ok && len(value) > 0 && c.set.VR(a.tag) != "SQ" {
			c.omit(a.tag, "is left out: a value where a sequence belongs")
		}
		return nil, nil // all that are copied are of type 3, and have items if they are there
	}
	macro := macroOf(a.tag)
	var copied [][]*Element
	for _, item := range items {
		if macro.one && len(copied) == 1 {
			c.omit(a.tag, "is cut: more items than one")
			break
		}
		inner := &copier{set: item, charset: charsetOf(item, c.charset), outer: "in " + a.tag.String() + " "}
		elements, err := inner.all()
		if err != nil {
			return nil, fmt.Errorf("in %v: %w", a.tag, err)
		}
		for _, o := range inner.omissions {
			c.omit(o.Tag, o.Why)
		}
		elements, why := macro.complete(elements)
		if why != "" {
			c.omit(a.tag, "lacks an item: "+why)
			continue
		}
		copied = append(copied, elements)
	}
	if len(copied) == 0 {
		return nil, nil
	}
	return Sequence(libraryTag(a.tag), copied...), nil
}

// all copies the attributes of an item that the standard knows.
func (c *copier) all() ([]*Element, error) {
	var wanted []attribute
	var last dataset.Tag
	for i, e := range c.set.Elements() {
		if e.Tag.Element() == 0 || e.Tag == dataset.PixelDataTag || i > 0 && e.Tag == last {
			continue // group lengths would be wrong; what stands there again, against PS3.5 7.1, is taken once
		}
		last = e.Tag
		if e.Tag.Private() {
			c.omit(e.Tag, "is left out: a private attribute")
			continue
		}
		if _, err := tag.Find(libraryTag(e.Tag)); err != nil {
			c.omit(e.Tag, "is left out: no attribute of the standard")
			continue
		}
		wanted = append(wanted, attribute{tag: e.Tag, sourceVR: e.VR})
	}
	return c.attributes(wanted)
}

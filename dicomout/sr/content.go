package sr

import (
	"math"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dicomout/object"
)

// item is one content item: the elements of a data set (PS3.3 C.17.3).
type item = []*object.Element

// relation is how an item stands to the one above it (PS3.3 C.17.3.2.4).
type relation string

const (
	contains     relation = "CONTAINS"
	context      relation = "HAS OBS CONTEXT"
	modifier     relation = "HAS CONCEPT MOD"
	inferredFrom relation = "INFERRED FROM"
)

// content returns what every content item has, and its children.
func content(r relation, valueType string, name object.Code, children []item) item {
	elements := item{
		object.Text(tag.RelationshipType, "CS", string(r)),
		object.Text(tag.ValueType, "CS", valueType),
		object.CodeSequence(tag.ConceptNameCodeSequence, name),
	}
	if len(children) > 0 {
		elements = append(elements, object.Sequence(tag.ContentSequence, children...))
	}
	return elements
}

// container returns a container with its children; template is the number of the PS3.16 template that it follows, "" for none.
func container(r relation, name object.Code, template string, children ...item) item {
	elements := append(content(r, "CONTAINER", name, children), object.Text(tag.ContinuityOfContent, "CS", "CONTINUOUS"))
	if template != "" {
		elements = append(elements, templateElement(template))
	}
	return elements
}

func templateElement(number string) *object.Element {
	return object.Sequence(tag.ContentTemplateSequence, item{
		object.Text(tag.MappingResource, "CS", "DCMR"),
		object.Text(tag.TemplateIdentifier, "CS", number),
	})
}

func code(r relation, name, value object.Code, children ...item) item {
	return append(content(r, "CODE", name, children), object.CodeSequence(tag.ConceptCodeSequence, value))
}

func text(r relation, name object.Code, value string) item {
	return append(content(r, "TEXT", name, nil), object.Text(tag.TextValue, "UT", object.ASCII(value, 4096)))
}

func uidref(r relation, name object.Code, uid string) item {
	return append(content(r, "UIDREF", name, nil), object.Text(tag.UID, "UI", uid))
}

// number returns a measure, rounded to what it is good for: so many digits after the point.
func number(name object.Code, value float64, digits int, unit object.Code, children ...item) item {
	f := math.Pow10(digits)
	return append(content(contains, "NUM", name, children), object.Sequence(tag.MeasuredValueSequence, item{
		object.Text(tag.NumericValue, "DS", object.Decimal(math.Round(value*f)/f)),
		object.CodeSequence(tag.MeasurementUnitsCodeSequence, unit),
	}))
}

// image returns a reference to an instance: its class and UID, and what part of it is meant.
func image(r relation, name object.Code, reference item) item {
	return append(content(r, "IMAGE", name, nil), object.Sequence(tag.ReferencedSOPSequence, reference))
}

// selected returns a reference to a whole instance in a selection, which has no concept name. What is no image is a composite.
func selected(r object.ReferencedObject) item {
	valueType := "IMAGE"
	if r.SOPClassUID == object.Comprehensive3DSRStorage {
		valueType = "COMPOSITE"
	}
	return item{
		object.Text(tag.RelationshipType, "CS", string(contains)),
		object.Text(tag.ValueType, "CS", valueType),
		object.Sequence(tag.ReferencedSOPSequence, item{
			object.Text(tag.ReferencedSOPClassUID, "UI", r.SOPClassUID),
			object.Text(tag.ReferencedSOPInstanceUID, "UI", r.SOPInstanceUID),
		}),
	}
}

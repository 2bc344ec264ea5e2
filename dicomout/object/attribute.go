package object

import (
	"slices"
	"strconv"
	"strings"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
)

// attribute says how an attribute of the source comes into our objects. VR and number of values are those of PS3.6.
type attribute struct {
	tag dataset.Tag
	// must: of type 2. Absent in the source, or not valid there, it stands with zero length.
	must bool
	// identity attributes name the patient or the order: they are carried byte for byte even where they are too long, or in no
	// character set that the source names, since any other text would be somebody else's.
	identity bool
	sourceVR string // for attributes of more than one VR
}

// vr is the VR of the standard; where that leaves a choice, the one of the source if it is among them.
func (a attribute) vr() string {
	info, err := tag.Find(libraryTag(a.tag))
	if err != nil || len(info.VRs) == 0 {
		return "UN"
	}
	if slices.Contains(info.VRs, a.sourceVR) {
		return a.sourceVR
	}
	return info.VRs[0]
}

// most is the number of values that the attribute may have, 0 for any.
func (a attribute) most() int {
	info, err := tag.Find(libraryTag(a.tag))
	if err != nil {
		return 0
	}
	vm := info.VM[strings.LastIndexByte(info.VM, '-')+1:]
	n, err := strconv.Atoi(vm)
	if err != nil {
		return 0
	}
	return n
}

// invalid says why the attribute cannot have the value, "" if it can.
func (a attribute) invalid(value []byte, charset []string) string {
	if why := invalid(a.vr(), a.most(), value, charset); why != "" {
		return why
	}
	terms, limited := enumerated[a.tag]
	if !limited || len(value) == 0 {
		return ""
	}
	for _, v := range strings.Split(string(value), `\`) {
		if !slices.Contains(terms, strings.Trim(v, " ")) {
			return "none of its enumerated values"
		}
	}
	return ""
}

// enumerated are the attributes that may have these values only.
var enumerated = map[dataset.Tag][]string{
	dataset.PatientSex:             {"M", "F", "O"},
	dataset.PatientIdentityRemoved: {"YES", "NO"},
	dataset.TypeOfPatientID:        {"TEXT", "RFID", "BARCODE"},
	universalEntityIDType:          {"DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500"},
	distributionType:               {"NAMED_PROTOCOL", "RESTRICTED_REUSE", "PUBLIC_RELEASE"},
	consentForDistribution:         {"NO", "YES", "WITHDRAWN"},
}

var (
	universalEntityID      = dataset.NewTag(0x0040, 0x0032)
	universalEntityIDType  = dataset.NewTag(0x0040, 0x0033)
	localNamespaceEntityID = dataset.NewTag(0x0040, 0x0031)
	distributionType       = dataset.NewTag(0x0012, 0x0084)
	consentForDistribution = dataset.NewTag(0x0012, 0x0085)
)

// copiedAttributes lists the attributes that are the scanner's in every object: Patient, Patient Study, General Study
// (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2). Group 0012 is copied beside it, see clinicalTrial.
var copiedAttributes = []attribute{
	{tag: dataset.SpecificCharacterSet},
	{tag: dataset.StudyDate, must: true},
	{tag: dataset.StudyTime, must: true},
	{tag: dataset.AccessionNumber, must: true, identity: true},
	{tag: dataset.IssuerOfAccessionNumberSequence},
	{tag: dataset.ReferringPhysicianName, must: true},
	{tag: dataset.StudyDescription},
	{tag: dataset.ProcedureCodeSequence},
	{tag: dataset.PatientName, must: true, identity: true},
	{tag: dataset.PatientID, must: true, identity: true},
	{tag: dataset.IssuerOfPatientID, identity: true},
	{tag: dataset.IssuerOfPatientIDQualifiersSequence},
	{tag: dataset.PatientBirthDate, must: true},
	{tag: dataset.PatientSex, must: true},
	{tag: dataset.OtherPatientIDsSequence},
	{tag: dataset.PatientAge},
	{tag: dataset.PatientSize},
	{tag: dataset.PatientWeight},
	{tag: dataset.EthnicGroup},
	{tag: dataset.PatientComments},
	{tag: dataset.StudyID, must: true, identity: true},
}

// scannerAttributes name the scanner as contributing equipment (PS3.3 C.12.1.1.5).
var scannerAttributes = []attribute{
	{tag: dataset.Manufacturer},
	{tag: dataset.StationName},
	{tag: dataset.ManufacturerModelName},
	{tag: dataset.DeviceSerialNumber},
	{tag: dataset.SoftwareVersions},
}

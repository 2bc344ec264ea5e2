package sr

import "jcsnode/dicomout/object"

// scheme designates the codes that are ours, since no standard scheme has them.
const scheme = "99JCSNODE"

// Concept names of the templates TID 1500, 1501, 1411, 1204, 1002, 1004, 4019 (PS3.16).
var (
	nameReport        = object.Code{Value: "126000", Scheme: "DCM", Meaning: "Imaging Measurement Report"}
	nameMeasurements  = object.Code{Value: "126010", Scheme: "DCM", Meaning: "Imaging Measurements"}
	nameGroup         = object.Code{Value: "125007", Scheme: "DCM", Meaning: "Measurement Group"}
	nameLanguage      = object.Code{Value: "121049", Scheme: "DCM", Meaning: "Language of Content Item and Descendants"}
	nameObserverType  = object.Code{Value: "121005", Scheme: "DCM", Meaning: "Observer Type"}
	nameDeviceUID     = object.Code{Value: "121012", Scheme: "DCM", Meaning: "Device Observer UID"}
	nameDevice        = object.Code{Value: "121013", Scheme: "DCM", Meaning: "Device Observer Name"}
	nameDeviceMaker   = object.Code{Value: "121014", Scheme: "DCM", Meaning: "Device Observer Manufacturer"}
	nameDeviceModel   = object.Code{Value: "121015", Scheme: "DCM", Meaning: "Device Observer Model Name"}
	nameDeviceSerial  = object.Code{Value: "121016", Scheme: "DCM", Meaning: "Device Observer Serial Number"}
	nameProcedure     = object.Code{Value: "121058", Scheme: "DCM", Meaning: "Procedure reported"}
	nameTrackingID    = object.Code{Value: "112039", Scheme: "DCM", Meaning: "Tracking Identifier"}
	nameTrackingUID   = object.Code{Value: "112040", Scheme: "DCM", Meaning: "Tracking Unique Identifier"}
	nameCategory      = object.Code{Value: "276214006", Scheme: "SCT", Meaning: "Finding category"}
	nameFinding       = object.Code{Value: "121071", Scheme: "DCM", Meaning: "Finding"}
	nameSite          = object.Code{Value: "363698007", Scheme: "SCT", Meaning: "Finding Site"}
	nameLaterality    = object.Code{Value: "272741003", Scheme: "SCT", Meaning: "Laterality"}
	nameAlgorithm     = object.Code{Value: "111001", Scheme: "DCM", Meaning: "Algorithm Name"}
	nameAlgorithmVer  = object.Code{Value: "111003", Scheme: "DCM", Meaning: "Algorithm Version"}
	nameParameters    = object.Code{Value: "111002", Scheme: "DCM", Meaning: "Algorithm Parameters"}
	nameComment       = object.Code{Value: "121106", Scheme: "DCM", Meaning: "Comment"}
	nameSegment       = object.Code{Value: "121191", Scheme: "DCM", Meaning: "Referenced Segment"}
	nameSourceSeries  = object.Code{Value: "121232", Scheme: "DCM", Meaning: "Source series for segmentation"}
	nameMeasuredIn    = object.Code{Value: "121112", Scheme: "DCM", Meaning: "Source of Measurement"}
	nameVolume        = object.Code{Value: "118565006", Scheme: "SCT", Meaning: "Volume"}
	nameCount         = object.Code{Value: "246206008", Scheme: "SCT", Meaning: "Number of lesions"}
	nameAttenuation   = object.Code{Value: "112181", Scheme: "DCM", Meaning: "Mean Attenuation Coefficient"}
	nameArea          = object.Code{Value: "42798000", Scheme: "SCT", Meaning: "Area"}
	nameProbability   = object.Code{Value: "122157", Scheme: "DCM", Meaning: "Probability"}
	namePositive      = object.Code{Value: "JCS-POS-SLICES", Scheme: scheme, Meaning: "Number of slices classified positive"}
	nameThreshold     = object.Code{Value: "JCS-THRESHOLD", Scheme: scheme, Meaning: "Positive when more slices than"}
	namePositiveMM    = object.Code{Value: "JCS-POS-LENGTH", Scheme: scheme, Meaning: "Length of patient classified positive"}
	nameThresholdMM   = object.Code{Value: "JCS-THRESHOLD-MM", Scheme: scheme, Meaning: "Positive when longer than"}
	nameShare         = object.Code{Value: "JCS-LESION-SHARE", Scheme: scheme, Meaning: "Share of lung volume that is lesion"}
	nameCascadeResult = object.Code{Value: "JCS-RESULT", Scheme: scheme, Meaning: "Result of the cascade"}
)

// Values of coded items.
var (
	codeEnglish  = object.Code{Value: "en-US", Scheme: "RFC5646", Meaning: "English (United States)"}
	codeDevice   = object.Code{Value: "121007", Scheme: "DCM", Meaning: "Device"}
	codeCT       = object.Code{Value: "77477000", Scheme: "SCT", Meaning: "Computed tomography"}
	codeAbnormal = object.Code{Value: "49755003", Scheme: "SCT", Meaning: "Morphologically Abnormal Structure"}
	codeDecision = object.Code{Value: "JCS-DECISION", Scheme: scheme, Meaning: "JCS study decision"}
	codeLeft     = object.Code{Value: "7771000", Scheme: "SCT", Meaning: "Left"}
	codeRight    = object.Code{Value: "24028007", Scheme: "SCT", Meaning: "Right"}
)

// results are the values of JCS-RESULT (CID 240).
var results = map[Result]object.Code{
	Present:      {Value: "52101004", Scheme: "SCT", Meaning: "Present"},
	Absent:       {Value: "272519000", Scheme: "SCT", Meaning: "Absent"},
	Undetermined: {Value: "373068000", Scheme: "SCT", Meaning: "Undetermined"},
}

// Units are UCUM.
var (
	unitSlices     = object.Code{Value: "{slices}", Scheme: "UCUM", Meaning: "slices"}
	unitLesions    = object.Code{Value: "{lesions}", Scheme: "UCUM", Meaning: "lesions"}
	unitRatio      = object.Code{Value: "{ratio}", Scheme: "UCUM", Meaning: "ratio"}
	unitML         = object.Code{Value: "ml", Scheme: "UCUM", Meaning: "milliliter"}
	unitMM         = object.Code{Value: "mm", Scheme: "UCUM", Meaning: "millimeter"}
	unitMM2        = object.Code{Value: "mm2", Scheme: "UCUM", Meaning: "square millimeter"}
	unitPercent    = object.Code{Value: "%", Scheme: "UCUM", Meaning: "Percent"}
	unitHounsfield = object.Code{Value: "[hnsf'U]", Scheme: "UCUM", Meaning: "Hounsfield unit"}
)

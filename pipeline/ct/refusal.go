package ct

// Refusal says why an instance, a series or a study gives no volume.
type Refusal struct {
	Code   string // one of the constants below; stable, for the ledger and for tests
	Text   string // what happened and to which element
	Remedy string // what an operator can do about it
}

// Error returns the text and the remedy.
func (r *Refusal) Error() string {
	if r.Remedy == "" {
		return r.Text
	}
	return r.Text + "; " + r.Remedy
}

// Codes of refusals of one instance.
const (
	CodeUnreadable        = "unreadable"                  // the file cannot be walked to its end
	CodeNotOurs           = "not-ours"                    // another SOP class: PET, MR, secondary capture, report ...
	CodeNotCT             = "not-ct"                      // Modality is not CT
	CodeMissingUID        = "missing-uid"                 // SOP Instance, Study or Series Instance UID absent or empty
	CodeMalformedUID      = "malformed-uid"               // a UID with characters that no UID can have
	CodeSharedUID         = "shared-sop-instance-uid"     // several different slices under one SOP Instance UID
	CodeLocalizer         = "localizer"                   // scout, surview, topogram
	CodeDerived           = "derived-image"               // reformat, projection, map, page: not slices as the scanner made them
	CodeMultiFrame        = "multi-frame"                 // several frames under the class of single ones, their places not told
	CodeNotAxial          = "not-axial"                   // coronal, sagittal or strongly oblique
	CodeMissingGeometry   = "missing-geometry"            // position, orientation or spacing absent
	CodeBadGeometry       = "bad-geometry"                // position, orientation, spacing or matrix present but broken
	CodeMissingRescale    = "missing-rescale"             // RescaleSlope or RescaleIntercept absent
	CodeBadRescale        = "bad-rescale"                 // rescale present but broken, or not to Hounsfield units
	CodeNotGrey           = "not-greyscale"               // not one sample per pixel, MONOCHROME1 or MONOCHROME2
	CodeNoPixelData       = "no-pixel-data"               // Pixel Data absent or empty
	CodeUnsupportedSyntax = "unsupported-transfer-syntax" // pixel data in a transfer syntax that is not decoded
	CodeRepeated          = "repeated-slice"              // its position or instance is in the volume already
	CodeCorrected         = "corrected"                   // it came again with another patient or order, see Correct
	CodeFarFromLungs      = "far-from-lungs"              // a slice of the chosen stack beyond the chest
	CodeBrokenPixelData   = "broken-pixel-data"           // pixel data that cannot be decoded whole
)

// Codes of refusals of a series or a study.
const (
	CodeTooFewSlices  = "too-few-slices"     // fewer slices, or a shorter length, than Rules asks for
	CodeTooFarApart   = "slices-too-far"     // planes further apart than Rules allows
	CodeMixed         = "mixed-scans"        // one series holds slices of several scans that no element tells apart
	CodeTwoPatients   = "two-patients"       // one series holds slices of two patients, or came under two at once
	CodePartCorrected = "corrected-in-part"  // some of it came again under another patient, see Correct
	CodeOtherChosen   = "other-stack-chosen" // usable, but another stack of the study was better
	CodeNoLungs       = "no-lungs"           // decoded, but no lungs in it
	CodeTooLarge      = "too-large"          // more voxels than memory is given for
	CodeNothingUsable = "no-instances"       // there was no instance at all
)

// Defect tells whether the code refuses an instance for what is wrong with it, where a sound one would have been a slice to read.
func Defect(code string) bool {
	switch code {
	case CodeUnreadable, CodeMissingUID, CodeMalformedUID, CodeSharedUID, CodeMultiFrame,
		CodeMissingGeometry, CodeBadGeometry, CodeMissingRescale, CodeBadRescale,
		CodeNotGrey, CodeNoPixelData, CodeUnsupportedSyntax, CodeBrokenPixelData:
		return true
	}
	return false
}

func refuse(code, text, remedy string) *Refusal {
	return &Refusal{Code: code, Text: text, Remedy: remedy}
}

// InstanceRefusal is a Refusal with the instance it is about.
type InstanceRefusal struct {
	SOPInstanceUID    string
	SeriesInstanceUID string
	Path              string
	Refusal           Refusal
}

// SeriesRefusal is a Refusal with the series it is about. A series that holds
// several stacks can have several.
type SeriesRefusal struct {
	SeriesInstanceUID string
	Refusal           Refusal
}

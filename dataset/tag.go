package dataset

import "fmt"

// Tag is the number of a data element: group in the upper 16 bits, element in the lower.
type Tag uint32

// NewTag makes a Tag from its two halves.
func NewTag(group, element uint16) Tag { return Tag(group)<<16 | Tag(element) }

// Group returns the upper half of the tag.
func (t Tag) Group() uint16 { return uint16(t >> 16) }

// Element returns the lower half of the tag.
func (t Tag) Element() uint16 { return uint16(t) }

// Private tells whether the tag belongs to a private (odd) group.
func (t Tag) Private() bool { return t.Group()&1 == 1 }

// String gives the usual form, "(0010,0020)".
func (t Tag) String() string { return fmt.Sprintf("(%04X,%04X)", t.Group(), t.Element()) }

// Tags that structure a data set (PS3.5 7.5).
const (
	Item                 Tag = 0xFFFEE000
	ItemDelimitation     Tag = 0xFFFEE00D
	SequenceDelimitation Tag = 0xFFFEE0DD
)

// Tags that this project reads or copies, named by their keyword in PS3.6.
const (
	FileMetaInformationGroupLength  Tag = 0x00020000
	FileMetaInformationVersion      Tag = 0x00020001
	MediaStorageSOPClassUID         Tag = 0x00020002
	MediaStorageSOPInstanceUID      Tag = 0x00020003
	TransferSyntaxUID               Tag = 0x00020010
	ImplementationClassUID          Tag = 0x00020012
	ImplementationVersionName       Tag = 0x00020013
	SourceApplicationEntityTitle    Tag = 0x00020016
	SendingApplicationEntityTitle   Tag = 0x00020017
	ReceivingApplicationEntityTitle Tag = 0x00020018

	SpecificCharacterSet                     Tag = 0x00080005
	ImageType                                Tag = 0x00080008
	InstanceCreationDate                     Tag = 0x00080012
	InstanceCreationTime                     Tag = 0x00080013
	InstanceCreatorUID                       Tag = 0x00080014
	SOPClassUID                              Tag = 0x00080016
	SOPInstanceUID                           Tag = 0x00080018
	StudyDate                                Tag = 0x00080020
	SeriesDate                               Tag = 0x00080021
	AcquisitionDate                          Tag = 0x00080022
	ContentDate                              Tag = 0x00080023
	AcquisitionDateTime                      Tag = 0x0008002A
	StudyTime                                Tag = 0x00080030
	SeriesTime                               Tag = 0x00080031
	AcquisitionTime                          Tag = 0x00080032
	ContentTime                              Tag = 0x00080033
	AccessionNumber                          Tag = 0x00080050
	IssuerOfAccessionNumberSequence          Tag = 0x00080051
	Modality                                 Tag = 0x00080060
	ConversionType                           Tag = 0x00080064
	PresentationIntentType                   Tag = 0x00080068
	Manufacturer                             Tag = 0x00080070
	InstitutionName                          Tag = 0x00080080
	InstitutionAddress                       Tag = 0x00080081
	ReferringPhysicianName                   Tag = 0x00080090
	CodeValue                                Tag = 0x00080100
	CodingSchemeDesignator                   Tag = 0x00080102
	CodingSchemeVersion                      Tag = 0x00080103
	CodeMeaning                              Tag = 0x00080104
	TimezoneOffsetFromUTC                    Tag = 0x00080201
	StationName                              Tag = 0x00081010
	StudyDescription                         Tag = 0x00081030
	ProcedureCodeSequence                    Tag = 0x00081032
	SeriesDescription                        Tag = 0x0008103E
	InstitutionalDepartmentName              Tag = 0x00081040
	PhysiciansOfRecord                       Tag = 0x00081048
	PerformingPhysicianName                  Tag = 0x00081050
	NameOfPhysiciansReadingStudy             Tag = 0x00081060
	OperatorsName                            Tag = 0x00081070
	AdmittingDiagnosesDescription            Tag = 0x00081080
	ManufacturerModelName                    Tag = 0x00081090
	ReferencedStudySequence                  Tag = 0x00081110
	ReferencedPerformedProcedureStepSequence Tag = 0x00081111
	ReferencedSeriesSequence                 Tag = 0x00081115
	ReferencedPatientSequence                Tag = 0x00081120
	ReferencedImageSequence                  Tag = 0x00081140
	ReferencedInstanceSequence               Tag = 0x0008114A
	ReferencedSOPClassUID                    Tag = 0x00081150
	ReferencedSOPInstanceUID                 Tag = 0x00081155
	DerivationDescription                    Tag = 0x00082111
	SourceImageSequence                      Tag = 0x00082112
	AnatomicRegionSequence                   Tag = 0x00082218
	FrameType                                Tag = 0x00089007
	PixelPresentation                        Tag = 0x00089205
	VolumetricProperties                     Tag = 0x00089206
	VolumeBasedCalculationTechnique          Tag = 0x00089207
	DerivationCodeSequence                   Tag = 0x00089215

	PatientName                         Tag = 0x00100010
	PatientID                           Tag = 0x00100020
	IssuerOfPatientID                   Tag = 0x00100021
	TypeOfPatientID                     Tag = 0x00100022
	IssuerOfPatientIDQualifiersSequence Tag = 0x00100024
	PatientBirthDate                    Tag = 0x00100030
	PatientBirthTime                    Tag = 0x00100032
	PatientSex                          Tag = 0x00100040
	OtherPatientNames                   Tag = 0x00101001
	OtherPatientIDsSequence             Tag = 0x00101002
	PatientAge                          Tag = 0x00101010
	PatientSize                         Tag = 0x00101020
	PatientWeight                       Tag = 0x00101030
	EthnicGroup                         Tag = 0x00102160
	Occupation                          Tag = 0x00102180
	AdditionalPatientHistory            Tag = 0x001021B0
	PatientComments                     Tag = 0x00104000

	ClinicalTrialSponsorName            Tag = 0x00120010
	ClinicalTrialProtocolID             Tag = 0x00120020
	ClinicalTrialProtocolName           Tag = 0x00120021
	ClinicalTrialSiteID                 Tag = 0x00120030
	ClinicalTrialSiteName               Tag = 0x00120031
	ClinicalTrialSubjectID              Tag = 0x00120040
	ClinicalTrialSubjectReadingID       Tag = 0x00120042
	ClinicalTrialTimePointID            Tag = 0x00120050
	ClinicalTrialTimePointDescription   Tag = 0x00120051
	ClinicalTrialCoordinatingCenterName Tag = 0x00120060
	PatientIdentityRemoved              Tag = 0x00120062
	DeidentificationMethod              Tag = 0x00120063
	DeidentificationMethodCodeSequence  Tag = 0x00120064

	ContrastBolusAgent             Tag = 0x00180010
	BodyPartExamined               Tag = 0x00180015
	ScanOptions                    Tag = 0x00180022
	SliceThickness                 Tag = 0x00180050
	KVP                            Tag = 0x00180060
	SpacingBetweenSlices           Tag = 0x00180088
	DataCollectionDiameter         Tag = 0x00180090
	DeviceSerialNumber             Tag = 0x00181000
	SoftwareVersions               Tag = 0x00181020
	ProtocolName                   Tag = 0x00181030
	ReconstructionDiameter         Tag = 0x00181100
	GantryDetectorTilt             Tag = 0x00181120
	TableHeight                    Tag = 0x00181130
	RotationDirection              Tag = 0x00181140
	ExposureTime                   Tag = 0x00181150
	XRayTubeCurrent                Tag = 0x00181151
	Exposure                       Tag = 0x00181152
	FilterType                     Tag = 0x00181160
	FocalSpots                     Tag = 0x00181190
	ConvolutionKernel              Tag = 0x00181210
	PatientPosition                Tag = 0x00185100
	CTAcquisitionTypeSequence      Tag = 0x00189301
	AcquisitionType                Tag = 0x00189302
	CTAcquisitionDetailsSequence   Tag = 0x00189304
	CTTableDynamicsSequence        Tag = 0x00189308
	CTGeometrySequence             Tag = 0x00189312
	CTReconstructionSequence       Tag = 0x00189314
	ReconstructionAlgorithm        Tag = 0x00189315
	ConvolutionKernelGroup         Tag = 0x00189316
	CTExposureSequence             Tag = 0x00189321
	CTXRayDetailsSequence          Tag = 0x00189325
	CTPositionSequence             Tag = 0x00189326
	CTImageFrameTypeSequence       Tag = 0x00189329
	CTAdditionalXRaySourceSequence Tag = 0x00189360
	ContributingEquipmentSequence  Tag = 0x0018A001
	ContributionDateTime           Tag = 0x0018A002
	ContributionDescription        Tag = 0x0018A003

	StudyInstanceUID                              Tag = 0x0020000D
	SeriesInstanceUID                             Tag = 0x0020000E
	StudyID                                       Tag = 0x00200010
	SeriesNumber                                  Tag = 0x00200011
	AcquisitionNumber                             Tag = 0x00200012
	InstanceNumber                                Tag = 0x00200013
	PatientOrientation                            Tag = 0x00200020
	ImagePositionPatient                          Tag = 0x00200032
	ImageOrientationPatient                       Tag = 0x00200037
	FrameOfReferenceUID                           Tag = 0x00200052
	Laterality                                    Tag = 0x00200060
	ImageLaterality                               Tag = 0x00200062
	ImagesInAcquisition                           Tag = 0x00201002
	PositionReferenceIndicator                    Tag = 0x00201040
	SliceLocation                                 Tag = 0x00201041
	ImageComments                                 Tag = 0x00204000
	StackID                                       Tag = 0x00209056
	InStackPositionNumber                         Tag = 0x00209057
	FrameAnatomySequence                          Tag = 0x00209071
	FrameLaterality                               Tag = 0x00209072
	FrameContentSequence                          Tag = 0x00209111
	PlanePositionSequence                         Tag = 0x00209113
	PlaneOrientationSequence                      Tag = 0x00209116
	TemporalPositionIndex                         Tag = 0x00209128
	FrameAcquisitionNumber                        Tag = 0x00209156
	DimensionIndexValues                          Tag = 0x00209157
	DimensionOrganizationUID                      Tag = 0x00209164
	UnassignedSharedConvertedAttributesSequence   Tag = 0x00209170
	UnassignedPerFrameConvertedAttributesSequence Tag = 0x00209171
	ConversionSourceAttributesSequence            Tag = 0x00209172
	DimensionOrganizationSequence                 Tag = 0x00209221
	DimensionIndexSequence                        Tag = 0x00209222

	SamplesPerPixel                        Tag = 0x00280002
	PhotometricInterpretation              Tag = 0x00280004
	PlanarConfiguration                    Tag = 0x00280006
	NumberOfFrames                         Tag = 0x00280008
	Rows                                   Tag = 0x00280010
	Columns                                Tag = 0x00280011
	PixelSpacing                           Tag = 0x00280030
	PixelAspectRatio                       Tag = 0x00280034
	BitsAllocated                          Tag = 0x00280100
	BitsStored                             Tag = 0x00280101
	HighBit                                Tag = 0x00280102
	PixelRepresentation                    Tag = 0x00280103
	SmallestImagePixelValue                Tag = 0x00280106
	LargestImagePixelValue                 Tag = 0x00280107
	PixelPaddingValue                      Tag = 0x00280120
	PixelPaddingRangeLimit                 Tag = 0x00280121
	QualityControlImage                    Tag = 0x00280300
	BurnedInAnnotation                     Tag = 0x00280301
	WindowCenter                           Tag = 0x00281050
	WindowWidth                            Tag = 0x00281051
	RescaleIntercept                       Tag = 0x00281052
	RescaleSlope                           Tag = 0x00281053
	RescaleType                            Tag = 0x00281054
	WindowCenterWidthExplanation           Tag = 0x00281055
	RedPaletteColorLookupTableDescriptor   Tag = 0x00281101
	GreenPaletteColorLookupTableDescriptor Tag = 0x00281102
	BluePaletteColorLookupTableDescriptor  Tag = 0x00281103
	RedPaletteColorLookupTableData         Tag = 0x00281201
	GreenPaletteColorLookupTableData       Tag = 0x00281202
	BluePaletteColorLookupTableData        Tag = 0x00281203
	LossyImageCompression                  Tag = 0x00282110
	LossyImageCompressionRatio             Tag = 0x00282112
	LossyImageCompressionMethod            Tag = 0x00282114
	ModalityLUTSequence                    Tag = 0x00283000
	LUTDescriptor                          Tag = 0x00283002
	LUTData                                Tag = 0x00283006
	VOILUTSequence                         Tag = 0x00283010
	PixelMeasuresSequence                  Tag = 0x00289110
	FrameVOILUTSequence                    Tag = 0x00289132
	PixelValueTransformationSequence       Tag = 0x00289145

	RequestingPhysician            Tag = 0x00321032
	RequestedProcedureDescription  Tag = 0x00321060
	RequestedProcedureCodeSequence Tag = 0x00321064

	ScheduledProcedureStepDescription   Tag = 0x00400007
	ScheduledProtocolCodeSequence       Tag = 0x00400008
	ScheduledProcedureStepID            Tag = 0x00400009
	ScheduledProcedureStepSequence      Tag = 0x00400100
	PerformedProcedureStepStartDate     Tag = 0x00400244
	PerformedProcedureStepStartTime     Tag = 0x00400245
	PerformedProcedureStepID            Tag = 0x00400253
	PerformedProcedureStepDescription   Tag = 0x00400254
	PerformedProtocolCodeSequence       Tag = 0x00400260
	RequestAttributesSequence           Tag = 0x00400275
	CommentsOnThePerformedProcedureStep Tag = 0x00400280
	AcquisitionContextSequence          Tag = 0x00400555
	RequestedProcedureID                Tag = 0x00401001
	ValueType                           Tag = 0x0040A040
	ConceptNameCodeSequence             Tag = 0x0040A043
	TextValue                           Tag = 0x0040A160
	ConceptCodeSequence                 Tag = 0x0040A168
	PurposeOfReferenceCodeSequence      Tag = 0x0040A170
	ContentSequence                     Tag = 0x0040A730

	IconImageSequence Tag = 0x00880200

	SharedFunctionalGroupsSequence   Tag = 0x52009229
	PerFrameFunctionalGroupsSequence Tag = 0x52009230

	ExtendedOffsetTable        Tag = 0x7FE00001
	ExtendedOffsetTableLengths Tag = 0x7FE00002
	FloatPixelData             Tag = 0x7FE00008
	DoubleFloatPixelData       Tag = 0x7FE00009
	PixelDataTag               Tag = 0x7FE00010

	DataSetTrailingPadding Tag = 0xFFFCFFFC
)

// Elements that tell scans of one place apart, and what was calculated from scans of several energies (PS3.3 C.8.2.2).
const (
	TriggerTime                          Tag = 0x00181060
	RevolutionTime                       Tag = 0x00189305
	MultienergyCTProcessingSequence      Tag = 0x00189363
	MultienergyCTCharacteristicsSequence Tag = 0x00189364
	MonoenergeticEnergyEquivalent        Tag = 0x0018937C
	TemporalPositionIdentifier           Tag = 0x00200100
	NominalCardiacTriggerDelayTime       Tag = 0x00209153
	NominalPercentageOfCardiacPhase      Tag = 0x00209241
)

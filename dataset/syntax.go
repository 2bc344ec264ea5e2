package dataset

import "strings"

// Transfer syntax UIDs of PS3.5 section 10 and PS3.6 table A-1.
const (
	ImplicitVRLittleEndian         = "1.2.840.10008.1.2"
	ExplicitVRLittleEndian         = "1.2.840.10008.1.2.1"
	DeflatedExplicitVRLittleEndian = "1.2.840.10008.1.2.1.99"
	ExplicitVRBigEndian            = "1.2.840.10008.1.2.2"
	JPEGBaseline8Bit               = "1.2.840.10008.1.2.4.50"
	JPEGExtended12Bit              = "1.2.840.10008.1.2.4.51"
	JPEGLossless                   = "1.2.840.10008.1.2.4.57"
	JPEGLosslessSV1                = "1.2.840.10008.1.2.4.70"
	JPEGLSLossless                 = "1.2.840.10008.1.2.4.80"
	JPEGLSNearLossless             = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless               = "1.2.840.10008.1.2.4.90"
	JPEG2000                       = "1.2.840.10008.1.2.4.91"
	HTJ2KLossless                  = "1.2.840.10008.1.2.4.201"
	HTJ2KLosslessRPCL              = "1.2.840.10008.1.2.4.202"
	HTJ2K                          = "1.2.840.10008.1.2.4.203"
	RLELossless                    = "1.2.840.10008.1.2.5"
)

// TransferSyntax says how a data set is encoded.
type TransferSyntax struct {
	UID  string
	Name string // of PS3.6; "" for a UID that is not in the table
	// Explicit VR; implicit VR is always little endian.
	Explicit  bool
	BigEndian bool
	Deflated  bool
	// Encapsulated pixel data, as fragments.
	Encapsulated bool
	// Lossless compression of pixel data: nothing else can be meant by the syntax.
	Lossless bool
}

var transferSyntaxes = []TransferSyntax{
	{UID: ImplicitVRLittleEndian, Name: "Implicit VR Little Endian"},
	{UID: ExplicitVRLittleEndian, Name: "Explicit VR Little Endian", Explicit: true},
	{UID: DeflatedExplicitVRLittleEndian, Name: "Deflated Explicit VR Little Endian", Explicit: true, Deflated: true},
	{UID: ExplicitVRBigEndian, Name: "Explicit VR Big Endian", Explicit: true, BigEndian: true},
	{UID: JPEGBaseline8Bit, Name: "JPEG Baseline (Process 1)", Explicit: true, Encapsulated: true},
	{UID: JPEGExtended12Bit, Name: "JPEG Extended (Process 2 and 4)", Explicit: true, Encapsulated: true},
	{UID: JPEGLossless, Name: "JPEG Lossless, Non-Hierarchical (Process 14)", Explicit: true, Encapsulated: true, Lossless: true},
	{UID: JPEGLosslessSV1, Name: "JPEG Lossless, First-Order Prediction (Process 14 SV1)",
		Explicit: true, Encapsulated: true, Lossless: true},
	{UID: JPEGLSLossless, Name: "JPEG-LS Lossless", Explicit: true, Encapsulated: true, Lossless: true},
	{UID: JPEGLSNearLossless, Name: "JPEG-LS Near-Lossless", Explicit: true, Encapsulated: true},
	{UID: JPEG2000Lossless, Name: "JPEG 2000 Lossless Only", Explicit: true, Encapsulated: true, Lossless: true},
	{UID: JPEG2000, Name: "JPEG 2000", Explicit: true, Encapsulated: true},
	{UID: HTJ2KLossless, Name: "High-Throughput JPEG 2000 Lossless Only", Explicit: true, Encapsulated: true, Lossless: true},
	{UID: HTJ2KLosslessRPCL, Name: "High-Throughput JPEG 2000 with RPCL Options Lossless Only",
		Explicit: true, Encapsulated: true, Lossless: true},
	{UID: HTJ2K, Name: "High-Throughput JPEG 2000", Explicit: true, Encapsulated: true},
	{UID: RLELossless, Name: "RLE Lossless", Explicit: true, Encapsulated: true, Lossless: true},
}

// LookupTransferSyntax finds a transfer syntax by UID; trailing NULs and spaces do
// not matter. An unknown one comes back as explicit little endian, encapsulated,
// with false: PS3.5 A.4 gives every syntax of compressed pixels that form, so the
// header of such a data set can still be walked.
func LookupTransferSyntax(uid string) (TransferSyntax, bool) {
	uid = strings.TrimRight(uid, " \x00")
	for _, ts := range transferSyntaxes {
		if ts.UID == uid {
			return ts, true
		}
	}
	return TransferSyntax{UID: uid, Explicit: true, Encapsulated: true}, false
}

package dimse

import "fmt"

// Status is the status of a response, element (0000,0900): PS3.7 annex C, PS3.4 table B.2-1.
type Status uint16

// Statuses that this project sends or tells apart.
const (
	StatusSuccess                    Status = 0x0000
	StatusProcessingFailure          Status = 0x0110
	StatusDuplicateInstance          Status = 0x0111
	StatusNoSuchInstance             Status = 0x0112
	StatusInvalidArgument            Status = 0x0115
	StatusInvalidInstance            Status = 0x0117
	StatusClassInstanceConflict      Status = 0x0119
	StatusClassNotSupported          Status = 0x0122
	StatusNoSuchAction               Status = 0x0123
	StatusNotAuthorized              Status = 0x0124
	StatusDuplicateTransaction       Status = 0x0131 // storage commitment, PS3.3 C.14.1.1
	StatusUnrecognizedOperation      Status = 0x0211
	StatusResourceLimitation         Status = 0x0213
	StatusOutOfResources             Status = 0xA700
	StatusDataSetMismatch            Status = 0xA900 // data set does not match SOP class
	StatusCannotUnderstand           Status = 0xC000
	StatusCoercion                   Status = 0xB000 // stored, elements changed
	StatusElementsDiscarded          Status = 0xB006 // stored, elements dropped
	StatusStoredDespiteClassMismatch Status = 0xB007 // stored, data set does not match SOP class
)

// Class is what a status means for the operation.
type Class int

// The classes of PS3.7 annex C.
const (
	ClassSuccess Class = iota
	ClassWarning       // done, with a remark
	ClassFailure
	ClassPending
	ClassCancel
)

// String names the class.
func (c Class) String() string {
	return [...]string{"success", "warning", "failure", "pending", "cancel"}[c]
}

// Class sorts the status; a status that PS3.7 does not know is a failure.
func (s Status) Class() Class {
	switch {
	case s == 0:
		return ClassSuccess
	case s == 0x0001, s == 0x0107, s == 0x0116, s>>12 == 0xB:
		return ClassWarning
	case s == 0xFF00, s == 0xFF01:
		return ClassPending
	case s == 0xFE00:
		return ClassCancel
	}
	return ClassFailure
}

// String gives the number as it is written in DICOM, with its meaning where one is known: "A700H (out of resources)".
func (s Status) String() string {
	text := ""
	switch {
	case s == StatusSuccess:
		text = "success"
	case s == StatusProcessingFailure:
		text = "processing failure"
	case s == StatusDuplicateInstance:
		text = "duplicate SOP instance"
	case s == StatusNoSuchInstance:
		text = "no such SOP instance"
	case s == StatusInvalidArgument:
		text = "invalid argument value"
	case s == StatusClassInstanceConflict:
		text = "class and instance conflict"
	case s == StatusNoSuchAction:
		text = "no such action type"
	case s == StatusDuplicateTransaction:
		text = "duplicate transaction UID"
	case s == StatusInvalidInstance:
		text = "invalid SOP instance"
	case s == StatusClassNotSupported:
		text = "SOP class not supported"
	case s == StatusNotAuthorized:
		text = "not authorized"
	case s == StatusUnrecognizedOperation:
		text = "unrecognized operation"
	case s == StatusResourceLimitation:
		text = "resource limitation"
	case s == StatusCoercion:
		text = "coercion of data elements"
	case s == StatusElementsDiscarded:
		text = "elements discarded"
	case s == StatusStoredDespiteClassMismatch:
		text = "data set does not match SOP class, stored"
	case s>>8 == 0xA7:
		text = "out of resources"
	case s>>8 == 0xA9:
		text = "data set does not match SOP class"
	case s>>12 == 0xC:
		text = "cannot understand"
	default:
		text = s.Class().String()
	}
	return fmt.Sprintf("%04XH (%s)", uint16(s), text)
}

package pdu

import (
	"encoding/binary"
	"fmt"
)

// CommandField says what a message is (PS3.7 annex E.1, element (0000,0100)).
type CommandField uint16

// Command fields that this project names. The response has bit 15 set.
const (
	CStoreRQ        CommandField = 0x0001
	CStoreRSP       CommandField = 0x8001
	CEchoRQ         CommandField = 0x0030
	CEchoRSP        CommandField = 0x8030
	NEventReportRQ  CommandField = 0x0100
	NEventReportRSP CommandField = 0x8100
	NActionRQ       CommandField = 0x0130
	NActionRSP      CommandField = 0x8130
	CCancelRQ       CommandField = 0x0FFF
)

// IsResponse reports whether the message answers another.
func (f CommandField) IsResponse() bool { return f&0x8000 != 0 }

// Response is the command field of the answer.
func (f CommandField) Response() CommandField { return f | 0x8000 }

// String names the message, or gives its number.
func (f CommandField) String() string {
	switch f {
	case CStoreRQ:
		return "C-STORE-RQ"
	case CStoreRSP:
		return "C-STORE-RSP"
	case CEchoRQ:
		return "C-ECHO-RQ"
	case CEchoRSP:
		return "C-ECHO-RSP"
	case NEventReportRQ:
		return "N-EVENT-REPORT-RQ"
	case NEventReportRSP:
		return "N-EVENT-REPORT-RSP"
	case NActionRQ:
		return "N-ACTION-RQ"
	case NActionRSP:
		return "N-ACTION-RSP"
	case CCancelRQ:
		return "C-CANCEL-RQ"
	}
	return fmt.Sprintf("command %04XH", uint16(f))
}

// MaxCommandLength is the longest command set that is read, in bytes. All elements of a C-STORE-RQ take less than 400; the
// rest is for UIDs longer than they should be and elements that are skipped.
const MaxCommandLength = 16 << 10

// noDataSet is the value of (0000,0800) that says that no data set follows; every other value says that one does.
const noDataSet = 0x0101

// Elements of group 0000 (PS3.7 annex E.1).
const (
	elementGroupLength          = 0x0000
	elementAffectedSOPClass     = 0x0002
	elementRequestedSOPClass    = 0x0003
	elementCommandField         = 0x0100
	elementMessageID            = 0x0110
	elementRespondedTo          = 0x0120
	elementPriority             = 0x0700
	elementDataSetType          = 0x0800
	elementStatus               = 0x0900
	elementErrorComment         = 0x0902
	elementAffectedSOPInstance  = 0x1000
	elementRequestedSOPInstance = 0x1001
	elementEventType            = 0x1002
	elementActionType           = 0x1008
	elementMoveOriginatorTitle  = 0x1030
	elementMoveOriginatorNumber = 0x1031
)

// Command is a command set. Values that are absent are zero; zero values are left out by Append, unless the message needs
// them.
type Command struct {
	Field                   CommandField
	MessageID               uint16 // of a request
	RespondedTo             uint16 // of a response or C-CANCEL-RQ: the message ID of the request
	AffectedSOPClassUID     string
	AffectedSOPInstanceUID  string
	RequestedSOPClassUID    string // of N-ACTION-RQ
	RequestedSOPInstanceUID string
	EventTypeID             uint16 // of N-EVENT-REPORT
	ActionTypeID            uint16 // of N-ACTION
	Priority                uint16 // 0 medium, 1 high, 2 low
	HasDataSet              bool
	Status                  uint16
	ErrorComment            string // at most 64 characters
	MoveOriginatorAETitle   string
	MoveOriginatorID        uint16
}

// DecodeCommand decodes a whole command set: implicit VR little endian, group 0000 only. Elements that Command lacks are
// skipped by their length, the group length included, which some senders have wrong. An error means that this is not a
// command set, or one that cannot be answered.
func DecodeCommand(b []byte) (Command, error) {
	if len(b) > MaxCommandLength {
		return Command{}, &Error{Offset: MaxCommandLength, What: fmt.Sprintf("command set of %d bytes", len(b))}
	}
	var (
		m    Command
		seen = make(map[uint16]bool, 16)
		c    = cursor{rest: b}
	)
	for len(c.rest) > 0 {
		head, err := c.take(8, "command element header")
		if err != nil {
			return Command{}, err
		}
		group, element := binary.LittleEndian.Uint16(head), binary.LittleEndian.Uint16(head[2:])
		length := binary.LittleEndian.Uint32(head[4:])
		if group != 0 {
			return Command{}, c.fail("element (%04X,%04X) in a command set", group, element)
		}
		if uint64(length) > uint64(len(c.rest)) {
			return Command{}, c.fail("command element (0000,%04X) wants %d bytes, %d are left", element, length, len(c.rest))
		}
		value, err := c.take(int(length), "command element")
		if err != nil {
			return Command{}, err
		}
		if len(value) == 0 {
			continue
		}
		seen[element] = true
		if err := m.set(element, value, &c); err != nil {
			return Command{}, err
		}
	}
	needs := []uint16{elementCommandField, elementDataSetType}
	switch {
	case m.Field.IsResponse():
		needs = append(needs, elementRespondedTo, elementStatus)
	case m.Field == CCancelRQ:
		needs = append(needs, elementRespondedTo)
	default:
		needs = append(needs, elementMessageID)
	}
	for _, element := range needs {
		if !seen[element] {
			return Command{}, c.fail("command set lacks element (0000,%04X)", element)
		}
	}
	return m, nil
}

func (m *Command) set(element uint16, value []byte, c *cursor) error {
	var number *uint16
	var dataSetType uint16
	switch element {
	case elementAffectedSOPClass:
		m.AffectedSOPClassUID = uid(value)
	case elementAffectedSOPInstance:
		m.AffectedSOPInstanceUID = uid(value)
	case elementRequestedSOPClass:
		m.RequestedSOPClassUID = uid(value)
	case elementRequestedSOPInstance:
		m.RequestedSOPInstanceUID = uid(value)
	case elementErrorComment:
		m.ErrorComment = text(value)
	case elementMoveOriginatorTitle:
		m.MoveOriginatorAETitle = text(value)
	case elementCommandField:
		number = (*uint16)(&m.Field)
	case elementMessageID:
		number = &m.MessageID
	case elementRespondedTo:
		number = &m.RespondedTo
	case elementPriority:
		number = &m.Priority
	case elementStatus:
		number = &m.Status
	case elementEventType:
		number = &m.EventTypeID
	case elementActionType:
		number = &m.ActionTypeID
	case elementMoveOriginatorNumber:
		number = &m.MoveOriginatorID
	case elementDataSetType:
		number = &dataSetType
	}
	if number == nil {
		return nil
	}
	if len(value) != 2 {
		return c.fail("command element (0000,%04X) has %d bytes, not 2", element, len(value))
	}
	*number = binary.LittleEndian.Uint16(value)
	if number == &dataSetType {
		m.HasDataSet = dataSetType != noDataSet
	}
	return nil
}

// Append writes the command set, group length first.
func (m *Command) Append(b []byte) []byte {
	b = appendElement(b, elementGroupLength, 0, 0, 0, 0)
	start := len(b)
	request := !m.Field.IsResponse() && m.Field != CCancelRQ
	b = appendPadded(b, elementAffectedSOPClass, m.AffectedSOPClassUID, 0)
	b = appendPadded(b, elementRequestedSOPClass, m.RequestedSOPClassUID, 0)
	b = appendNumber(b, elementCommandField, uint16(m.Field), true)
	b = appendNumber(b, elementMessageID, m.MessageID, request)
	b = appendNumber(b, elementRespondedTo, m.RespondedTo, !request)
	b = appendNumber(b, elementPriority, m.Priority, m.Field == CStoreRQ)
	dataSetType := uint16(noDataSet)
	if m.HasDataSet {
		dataSetType = 1
	}
	b = appendNumber(b, elementDataSetType, dataSetType, true)
	b = appendNumber(b, elementStatus, m.Status, m.Field.IsResponse())
	b = appendPadded(b, elementErrorComment, m.ErrorComment, ' ')
	b = appendPadded(b, elementAffectedSOPInstance, m.AffectedSOPInstanceUID, 0)
	b = appendPadded(b, elementRequestedSOPInstance, m.RequestedSOPInstanceUID, 0)
	b = appendNumber(b, elementEventType, m.EventTypeID, m.Field == NEventReportRQ)
	b = appendNumber(b, elementActionType, m.ActionTypeID, m.Field == NActionRQ)
	b = appendPadded(b, elementMoveOriginatorTitle, m.MoveOriginatorAETitle, ' ')
	b = appendNumber(b, elementMoveOriginatorNumber, m.MoveOriginatorID, false)
	binary.LittleEndian.PutUint32(b[start-4:], uint32(len(b)-start))
	return b
}

func appendElement(b []byte, element uint16, value ...byte) []byte {
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint16(b, element)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(value)))
	return append(b, value...)
}

func appendNumber(b []byte, element, value uint16, needed bool) []byte {
	if value == 0 && !needed {
		return b
	}
	return appendElement(b, element, byte(value), byte(value>>8))
}

func appendPadded(b []byte, element uint16, value string, padding byte) []byte {
	if value == "" {
		return b
	}
	if len(value)%2 == 1 {
		return appendElement(b, element, append([]byte(value), padding)...)
	}
	return appendElement(b, element, []byte(value)...)
}

// Package pdu turns bytes into the protocol data units and command sets of DICOM and back: PS3.8 section 9.3
// (the seven PDUs), PS3.7 annex D.3 (user information) and PS3.7 annex E (command sets).
//
// Everything here is a pure function over values: no sockets, no clocks, no logs. Each message is a struct with one
// Decode function, which takes the bytes behind the header that DecodeHeader read, and one Append method, which writes the
// whole PDU, header included, so that it can leave in one write.
//
// Integers of PDUs are big endian, those of command sets little endian. Decoders accept what PS3.8 tells receivers to
// ignore (reserved bytes, unknown items, padding of UIDs) and nothing else; a length is checked against the item
// around it before it is used, and no memory is taken on the word of a length. Their errors are of type *Error and name the
// offset.
package pdu

package probe

import (
	"bytes"
	"slices"
	"strings"
)

// dataSets are data sets of C-STORE: PS3.5 section 7, PS3.4 table B.2-1. One bad instance does not end the association.
func dataSets() []Case {
	const (
		cannot   = "PS3.4 table B.2-1: cannot understand"
		mismatch = "PS3.4 table B.2-1: data set does not match SOP class; the command names another instance"
		kept     = "stored as it came, and flagged"
	)
	var cases []Case
	add := func(input, source string, want []string, id byte, c command, data []byte) {
		propose := func(r *request) {
			r.contexts = append(r.contexts, context{bigContext, ctImage, []string{explicitBE}},
				context{deflatedContext, ctImage, []string{deflatedLE}})
		}
		cases = append(cases, Case{
			Group:  "Data sets of C-STORE",
			Input:  input,
			Want:   want,
			Source: source,
			run:    with(propose, 1, message(id, c, data)),
		})
	}
	s := store(1)
	bad := statusOr("C000H")
	lenient := append(stored, "C-STORE-RSP ????H to 1")
	change := func(f func([]attribute) []attribute) []byte { return dataSet(explicitLE, f(image(ctImage, instance))) }
	replace := func(group, element int, value []byte) []byte {
		return change(func(a []attribute) []attribute {
			i := slices.IndexFunc(a, func(x attribute) bool { return x.group == group && x.element == element })
			a[i].value = value
			return a
		})
	}
	drop := func(group, element int) []byte {
		return change(func(a []attribute) []attribute {
			return slices.DeleteFunc(a, func(x attribute) bool { return x.group == group && x.element == element })
		})
	}
	put := func(x ...attribute) []byte {
		return change(func(a []attribute) []attribute {
			a = append(a, x...)
			slices.SortStableFunc(a, func(a, b attribute) int { return a.group<<16 + a.element - b.group<<16 - b.element })
			return a
		})
	}
	add("implicit VR little endian", "PS3.5 A.1", stored, implicitContext, s, ct(implicitLE))
	add("explicit VR big endian", "PS3.5 A.3 (retired)", append(stored, "A-ABORT *"), bigContext, s, ct(explicitBE))
	add("deflated", "PS3.5 A.5", append(stored, "A-ABORT *"), deflatedContext, s, ct(deflatedLE))
	add("deflated, padded with a NUL", "PS3.5 A.5: even length", append(stored, "A-ABORT *"), deflatedContext, s,
		join(ct(deflatedLE), []byte{0}))
	add("deflated, cut", cannot, bad, deflatedContext, s, ct(deflatedLE)[:100])
	add("deflated, broken in the middle", cannot, append(bad, "C-STORE-RSP 0000H to 1"), deflatedContext, s, flip(ct(deflatedLE), 60))
	add("not deflated on the context that says so", cannot, bad, deflatedContext, s, ct(explicitLE))
	add("implicit VR on the context of explicit VR", cannot, append(bad, "C-STORE-RSP 0000H to 1"), explicitContext, s, ct(implicitLE))
	add("explicit VR on the context of implicit VR", cannot, append(bad, "C-STORE-RSP 0000H to 1"), implicitContext, s, ct(explicitLE))
	add("0 bytes", cannot, bad, explicitContext, s, []byte{})
	add("noise", cannot, bad, explicitContext, s, []byte(strings.Repeat("noise from somewhere ", 50)))
	add("zeros", cannot, bad, explicitContext, s, make([]byte, 1000))
	add("a whole file, preamble and file meta information included", "PS3.7 9.1.1.1.8: a data set, not a file; "+cannot,
		append(bad, "C-STORE-RSP 0000H to 1"), explicitContext, s,
		join(make([]byte, 128), []byte("DICM"),
			dataSet(explicitLE, []attribute{{2, 0, "UL", le32(26)}, {2, 0x10, "UI", uidValue(explicitLE)}}), ct(explicitLE)))
	full := ct(explicitLE)
	add("cut inside the pixel data", cannot, bad, explicitContext, s, full[:len(full)-10])
	add("cut inside an element header", cannot, bad, explicitContext, s, full[:len(full)-40])
	add("cut between two elements, pixel data missing", kept, lenient, explicitContext, s, drop(0x7FE0, 0x0010))
	add("cut behind the first element", cannot, bad, explicitContext, s, full[:8+26])
	add("5 bytes behind the last element", kept, lenient, explicitContext, s, join(full, []byte("noise")))
	add("1000 bytes of noise behind the pixel data", kept, lenient, explicitContext, s,
		join(full, []byte(strings.Repeat("noise from somewhere ", 48))))
	add("1000 zeros behind the pixel data", "some writers fill the last block; "+kept,
		lenient, explicitContext, s, join(full, make([]byte, 1000)))
	add("element that says 4 GiB less 2 bytes", cannot, bad, explicitContext, s,
		join(drop(0x7FE0, 0x0010), []byte("\xE0\x7F\x10\x00OW\x00\x00\xFE\xFF\xFF\xFF"), make([]byte, 32)))
	add("sequence without end", cannot, bad, explicitContext, s,
		join(full[:8+26+8+10], []byte("\x08\x00\x40\x11SQ\x00\x00\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF")))
	nested := func(n int) []byte {
		return join(bytes.Repeat([]byte("\x08\x00\x40\x11SQ\x00\x00\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF"), n),
			bytes.Repeat([]byte("\xFE\xFF\x0D\xE0\x00\x00\x00\x00\xFE\xFF\xDD\xE0\x00\x00\x00\x00"), n))
	}
	pixels := bytes.Index(full, []byte("\x28\x00\x02\x00"))
	add("1000 sequences in each other", "PS3.5 7.5: of any depth", lenient, explicitContext, s,
		join(full[:pixels], nested(1000), full[pixels:]))
	add("2000 sequences in each other", "deeper than is read; "+kept, lenient, explicitContext, s,
		join(full[:pixels], nested(2000), full[pixels:]))
	add("1000 sequences in each other, without end", cannot, bad, explicitContext, s, join(full[:pixels], nested(1000)[:1000*20]))
	add("deflated 20 MiB of zeros", "limit of inflation; "+cannot, append(bad, "C-STORE-RSP 0000H to 1"), deflatedContext, s,
		deflate(put(attribute{0x29, 0x10, "LO", []byte("PROBE PRIVATE ")}, attribute{0x29, 0x1001, "OB", make([]byte, 20<<20)})))
	private := func(value string) []byte { return join(full[:pixels], []byte(value), full[pixels:]) }
	const (
		surplus = "PS3.5 7.5.2: none behind a length; "
		wrong   = "PS3.5 7.1.2; nobody needs this element; "
		noVR    = "PS3.5 6.2; nobody needs this element; "
	)
	add("a sequence delimiter too many in a private sequence", surplus+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x10\x00\x00\x00\xFE\xFF\x00\xE0\x00\x00\x00\x00\xFE\xFF\xDD\xE0\x00\x00\x00\x00"))
	add("an item delimiter too many in a private sequence", surplus+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x10\x00\x00\x00\xFE\xFF\x00\xE0\x00\x00\x00\x00\xFE\xFF\x0D\xE0\x00\x00\x00\x00"))
	add("a sequence delimiter too many behind a private sequence", surplus+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x08\x00\x00\x00\xFE\xFF\x00\xE0\x00\x00\x00\x00\xFE\xFF\xDD\xE0\x00\x00\x00\x00"))
	add("a private sequence that states 4 bytes too few", wrong+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x04\x00\x00\x00\xFE\xFF\x00\xE0\x00\x00\x00\x00"))
	add("a private sequence that states 40 bytes too many", wrong+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x30\x00\x00\x00\xFE\xFF\x00\xE0\x00\x00\x00\x00"))
	add("a private element that states more than there is", wrong+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10OB\x00\x00\x00\x00\x00\x40abcd"))
	add("a private sequence of noise", wrong+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10SQ\x00\x00\x14\x00\x00\x00noise from somewhere"))
	add("a private element whose VR is two NULs", noVR+kept, lenient, explicitContext, s, private("\x21\x00\x5F\x10\x00\x00\x04\x00abcd"))
	add("a private element in implicit VR", noVR+kept, lenient, explicitContext, s, private("\x21\x00\x5F\x10\x04\x00\x00\x00abcd"))
	add("UN of undefined length, its items in explicit VR", "PS3.5 6.2.2: implicit VR; "+kept, lenient, explicitContext, s,
		private("\x21\x00\x5F\x10UN\x00\x00\xFF\xFF\xFF\xFF"+
			"\xFE\xFF\x00\xE0\x0C\x00\x00\x00\x21\x00\x60\x10LO\x04\x00abcd"+"\xFE\xFF\xDD\xE0\x00\x00\x00\x00"))
	add("Patient ID that states more than there is", cannot, append(bad, "C-STORE-RSP 0000H to 1"), explicitContext, s,
		bytes.Replace(full, []byte("\x10\x00\x20\x00LO\x06\x00"), []byte("\x10\x00\x20\x00LO\xFE\xFF"), 1))
	const later = "stored as it came; what a study is good for turns out when it is read"
	add("encapsulated pixel data on a context of native ones", later, append(stored, bad...), explicitContext, s,
		join(drop(0x7FE0, 0x0010), []byte("\xE0\x7F\x10\x00OB\x00\x00\xFF\xFF\xFF\xFF"+"\xFE\xFF\x00\xE0\x00\x00\x00\x00"+
			"\xFE\xFF\x00\xE0\x04\x00\x00\x00\xFF\xD8\xFF\xD9"+"\xFE\xFF\xDD\xE0\x00\x00\x00\x00")))
	add("fewer pixels than rows and columns", later, lenient, explicitContext, s, replace(0x7FE0, 0x0010, make([]byte, 16)))
	add("no rows", later, lenient, explicitContext, s, drop(0x28, 0x10))
	add("with group length elements", "PS3.5 7.2: retired; readers take them", stored, explicitContext, s,
		put(attribute{8, 0, "UL", le32(200)}, attribute{0x20, 0, "UL", le32(100)}))
	add("with file meta information in front", "PS3.10 7.1: not part of a data set; "+cannot,
		append(bad, "C-STORE-RSP 0000H to 1"), explicitContext, s, put(attribute{2, 0x10, "UI", uidValue(explicitLE)}))
	add("with command elements in front", "PS3.7 6.3.1: not part of a data set; "+kept, lenient, explicitContext, s,
		put(attribute{0, 2, "UI", uidValue(ctImage)}))
	add("with private elements and an unknown VR", "PS3.5 6.2.2, 7.8: kept bit for bit", stored, explicitContext, s,
		put(attribute{0x29, 0x10, "LO", []byte("PROBE PRIVATE ")}, attribute{0x29, 0x1001, "UN", []byte{1, 2, 3, 4}}))
	add("with an element of odd length", "PS3.5 7.1: even; "+kept, lenient, explicitContext, s,
		put(attribute{0x18, 0x1030, "LO", []byte("CHEST")}))
	add("elements out of order", "PS3.5 7.1: ascending; "+kept, lenient, explicitContext, s,
		change(func(a []attribute) []attribute { slices.Reverse(a[:8]); return a }))
	add("an element twice", "PS3.5 7.1: once; "+kept, lenient, explicitContext, s, put(attribute{0x10, 0x20, "LO", []byte("OTHER1")}))
	add("with data set trailing padding", "PS3.10 7.2", stored, explicitContext, s, put(attribute{0xFFFC, 0xFFFC, "OB", make([]byte, 0)}))
	add("character set that does not exist, bytes of another", "PS3.3 C.12.1.1.2; kept bit for bit", stored, explicitContext, s,
		put(attribute{8, 5, "CS", []byte("ISO_IR 999")}, attribute{8, 0x1030, "LO", []byte("\xD0\xD8\xB2\xBF")}))
	add("other SOP instance UID than the command", mismatch,
		append(statusOr("A900H"), "C-STORE-RSP B???H to 1"), explicitContext, s.with(affectedInstance, uidValue("2.25.1")), full)
	add("other SOP class than the command", mismatch,
		append(statusOr("A900H"), "C-STORE-RSP B???H to 1"), explicitContext, s, replace(8, 0x16, uidValue(enhancedCT)))
	add("no SOP instance UID", cannot, bad, explicitContext, s, drop(8, 0x18))
	add("SOP instance UID of 0 bytes", cannot, bad, explicitContext, s, replace(8, 0x18, nil))
	add("no SOP class UID", cannot, append(bad, "C-STORE-RSP 0000H to 1"), explicitContext, s, drop(8, 0x16))
	add("no study instance UID", cannot, bad, explicitContext, s, drop(0x20, 0x0D))
	add("no series instance UID", cannot, bad, explicitContext, s, drop(0x20, 0x0E))
	add("instance UID with letters, in command and data set", "PS3.5 9.1; "+kept, lenient, explicitContext,
		s.with(affectedInstance, uidValue("1.2.abc.4")), replace(8, 0x18, uidValue("1.2.abc.4")))
	add("instance UID with leading zeros, in both", "PS3.5 9.1; "+kept, lenient, explicitContext,
		s.with(affectedInstance, uidValue("1.2.003.4")), replace(8, 0x18, uidValue("1.2.003.4")))
	long := strings.Repeat("1.", 45) + "1"
	add("instance UID of 91 characters, in both", "PS3.5 9.1: 64; "+kept, lenient, explicitContext,
		s.with(affectedInstance, uidValue(long)), replace(8, 0x18, uidValue(long)))
	huge := strings.Repeat("1.", 500) + "1"
	add("instance UID of 1001 characters, in both", cannot, append(bad, "C-STORE-RSP 0000H to 1"), explicitContext,
		s.with(affectedInstance, uidValue(huge)), replace(8, 0x18, uidValue(huge)))
	path := "../../../etc/cron.d/probe"
	add("instance UID that is a path, in both", "no text of a data set becomes a path; "+kept, lenient, explicitContext,
		s.with(affectedInstance, uidValue(path)), replace(8, 0x18, uidValue(path)))
	control := "1.2.\x07\x1b[2J\n9"
	add("instance UID with control characters, in both", cannot, append(bad, "C-STORE-RSP 0000H to 1"), explicitContext,
		s.with(affectedInstance, uidValue(control)), replace(8, 0x18, uidValue(control)))
	add("instance UID padded with a space, in both", "PS3.5 9.1: NUL; some pad with space", lenient, explicitContext,
		s.with(affectedInstance, []byte("2.25.333 ")), replace(8, 0x18, []byte("2.25.333 ")))
	two := uidValue("2.25.333\\2.25.334")
	add("two instance UIDs, in both", "PS3.6: one; "+kept, lenient, explicitContext, s.with(affectedInstance, two), replace(8, 0x18, two))
	add("instance UID of spaces, in both", cannot, bad, explicitContext,
		s.with(affectedInstance, []byte("    ")), replace(8, 0x18, []byte("    ")))
	add("instance UID padded with NULs in the command alone", "PS3.5 9.1: one NUL; padding says nothing",
		lenient, explicitContext, s.with(affectedInstance, []byte(instance+"\x00\x00\x00")), full)
	add("the same instance again", "same bytes: success, and kept once", stored, explicitContext, s, full)
	add("other bytes under the same instance UID", "both are kept, and flagged", lenient, explicitContext, s,
		replace(0x10, 0x20, []byte("OTHER2")))
	return cases
}

func flip(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 0xFF
	return b
}

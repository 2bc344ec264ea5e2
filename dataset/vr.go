package dataset

// vrNames holds the VRs of PS3.5 6.2 and tells which have a 32-bit length (7.1.2).
var vrNames = map[[2]byte]struct {
	name string
	long bool
}{
	{'A', 'E'}: {"AE", false}, {'A', 'S'}: {"AS", false}, {'A', 'T'}: {"AT", false},
	{'C', 'S'}: {"CS", false}, {'D', 'A'}: {"DA", false}, {'D', 'S'}: {"DS", false},
	{'D', 'T'}: {"DT", false}, {'F', 'D'}: {"FD", false}, {'F', 'L'}: {"FL", false},
	{'I', 'S'}: {"IS", false}, {'L', 'O'}: {"LO", false}, {'L', 'T'}: {"LT", false},
	{'O', 'B'}: {"OB", true}, {'O', 'D'}: {"OD", true}, {'O', 'F'}: {"OF", true},
	{'O', 'L'}: {"OL", true}, {'O', 'V'}: {"OV", true}, {'O', 'W'}: {"OW", true},
	{'P', 'N'}: {"PN", false}, {'S', 'H'}: {"SH", false}, {'S', 'L'}: {"SL", false},
	{'S', 'Q'}: {"SQ", true}, {'S', 'S'}: {"SS", false}, {'S', 'T'}: {"ST", false},
	{'S', 'V'}: {"SV", true}, {'T', 'M'}: {"TM", false}, {'U', 'C'}: {"UC", true},
	{'U', 'I'}: {"UI", false}, {'U', 'L'}: {"UL", false}, {'U', 'N'}: {"UN", true},
	{'U', 'R'}: {"UR", true}, {'U', 'S'}: {"US", false}, {'U', 'T'}: {"UT", true},
	{'U', 'V'}: {"UV", true},
}

// unit is the size in bytes of the numbers that a VR holds, 1 for text and bytes. It
// is what big endian swaps.
func unit(vr string) int {
	switch vr {
	case "US", "SS", "OW", "AT":
		return 2
	case "UL", "SL", "FL", "OF", "OL":
		return 4
	case "FD", "OD", "SV", "UV", "OV":
		return 8
	}
	return 1
}

// swapped returns a copy of b with the bytes of each number of n bytes reversed; an
// incomplete last number stays as it is.
func swapped(b []byte, n int) []byte {
	out := make([]byte, len(b))
	copy(out, b)
	for i := 0; i+n <= len(out); i += n {
		for j, k := i, i+n-1; j < k; j, k = j+1, k-1 {
			out[j], out[k] = out[k], out[j]
		}
	}
	return out
}

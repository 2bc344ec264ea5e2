package dataset

// Limits bound what a walk over foreign bytes may cost. A zero field means the
// value of DefaultLimits.
type Limits struct {
	// Depth is how many sequences may lie inside each other.
	Depth int
	// Elements counts elements, items and fragments, at every depth.
	Elements int
	// Inflated is the number of bytes that a deflated data set may inflate to. Beyond
	// the first 16 MiB it may also not exceed 100 times the deflated size: CT pixels
	// deflate to a half or a third, only bombs to a hundredth.
	Inflated int64
	// Value is the length in bytes up to which File keeps a header value in memory;
	// longer ones stay in the file and are read when asked for.
	Value int64
	// Header is the number of header bytes that File keeps in memory altogether.
	Header int64
}

// DefaultLimits are generous for real data: an enhanced CT of 2,000 frames has about
// 150,000 elements and 5 MB of header, and nests 4 deep. PS3.5 bounds no depth, and
// the content of a structured report has no other bound: a thousand levels cost a
// megabyte of stack.
func DefaultLimits() Limits {
	return Limits{Depth: 1024, Elements: 500_000, Inflated: 1 << 30, Value: 64 << 10, Header: 32 << 20}
}

func (l Limits) filled() Limits {
	d := DefaultLimits()
	if l.Depth <= 0 {
		l.Depth = d.Depth
	}
	if l.Elements <= 0 {
		l.Elements = d.Elements
	}
	if l.Inflated <= 0 {
		l.Inflated = d.Inflated
	}
	if l.Value <= 0 {
		l.Value = d.Value
	}
	if l.Header <= 0 {
		l.Header = d.Header
	}
	return l
}

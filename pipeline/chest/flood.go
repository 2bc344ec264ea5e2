package chest

// FromBorder visits the pixels of a picture that hang together with its border, by their sides. enter says whether a pixel belongs to
// them; it is asked about one several times, so it marks what it has taken, and takes nothing twice.
func FromBorder(rows, columns int, enter func(i int) bool) {
	var stack []int
	push := func(i int) {
		if enter(i) {
			stack = append(stack, i)
		}
	}
	for c := range columns {
		push(c)
		push((rows-1)*columns + c)
	}
	for r := range rows {
		push(r * columns)
		push((r+1)*columns - 1)
	}
	for len(stack) > 0 {
		i := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		each4(rows, columns, i, push)
	}
}

// each4 visits the neighbours of a pixel by side.
func each4(rows, columns, i int, visit func(k int)) {
	r, c := i/columns, i%columns
	if r > 0 {
		visit(i - columns)
	}
	if r < rows-1 {
		visit(i + columns)
	}
	if c > 0 {
		visit(i - 1)
	}
	if c < columns-1 {
		visit(i + 1)
	}
}

package chest

import "jcsnode/guard"

// none is the label of a block that belongs to no piece.
const none = -1

// pieces labels what is connected by side in the set blocks of one plane.
func (b Blocks) pieces(set []bool) (labels []int32, n int) {
	labels = make([]int32, len(set))
	for i := range labels {
		labels[i] = none
	}
	var stack []int
	for i := range labels {
		if labels[i] != none || !set[i] {
			continue
		}
		label := int32(n)
		n++
		push := func(k int) {
			if labels[k] == none && set[k] {
				labels[k] = label
				stack = append(stack, k)
			}
		}
		push(i)
		for len(stack) > 0 {
			k := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			b.each4(k, push)
		}
	}
	return labels, n
}

// solids labels what is connected by side in the set blocks of a stack: a block lies on the same block of the plane below, however far.
func (b Blocks) solids(set [][]bool) (labels [][]int32, n int) {
	labels = make([][]int32, len(set))
	counts := make([]int, len(set))
	guard.Each(len(set), func(z int) { labels[z], counts[z] = b.pieces(set[z]) })
	var parent []int32
	find := func(i int32) int32 {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for z := range labels {
		first := int32(len(parent))
		for k := range counts[z] {
			parent = append(parent, first+int32(k))
		}
		for i, l := range labels[z] {
			if l == none {
				continue
			}
			labels[z][i] = l + first
			if z > 0 && labels[z-1][i] != none {
				lower, upper := find(labels[z-1][i]), find(l+first)
				parent[max(lower, upper)] = min(lower, upper)
			}
		}
	}
	number := make([]int32, len(parent))
	for i := range number {
		if root := find(int32(i)); root == int32(i) {
			number[i] = int32(n)
			n++
		} else {
			number[i] = number[root] // roots come first
		}
	}
	guard.Each(len(labels), func(z int) {
		for i, l := range labels[z] {
			if l != none {
				labels[z][i] = number[l]
			}
		}
	})
	return labels, n
}

package jpegll

// predictLeft turns the differences of a row into samples, each predicted by the one
// before it, the first by start (T.81 H.1.2.1: predictor 1, and the first row of all).
func predictLeft(row []int32, start int32) {
	a := start
	for i, d := range row {
		a = (a + d) & 0xFFFF
		row[i] = a
	}
}

// predict turns the differences of a row into samples, given the row above (T.81 table
// H.1). The first sample of a row is predicted by the one above.
func (s *scan) predict(row, above []int32) {
	if s.predictor == 1 {
		predictLeft(row, above[0])
		return
	}
	above = above[:len(row)]
	a := (above[0] + row[0]) & 0xFFFF
	row[0] = a
	switch s.predictor {
	case 2:
		for i := 1; i < len(row); i++ {
			row[i] = (above[i] + row[i]) & 0xFFFF
		}
	case 3:
		for i := 1; i < len(row); i++ {
			row[i] = (above[i-1] + row[i]) & 0xFFFF
		}
	case 4:
		for i := 1; i < len(row); i++ {
			a = (a + above[i] - above[i-1] + row[i]) & 0xFFFF
			row[i] = a
		}
	case 5:
		for i := 1; i < len(row); i++ {
			a = (a + (above[i]-above[i-1])>>1 + row[i]) & 0xFFFF
			row[i] = a
		}
	case 6:
		for i := 1; i < len(row); i++ {
			a = (above[i] + (a-above[i-1])>>1 + row[i]) & 0xFFFF
			row[i] = a
		}
	case 7:
		for i := 1; i < len(row); i++ {
			a = ((a+above[i])>>1 + row[i]) & 0xFFFF
			row[i] = a
		}
	}
}

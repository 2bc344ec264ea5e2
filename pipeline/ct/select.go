package ct

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Selection is the outcome of Select.
type Selection struct {
	Chosen     *Series   // nil when nothing can be read
	Reason     string    // why Chosen
	Candidates []*Series // every readable stack, the best first; Chosen is the first

	Refused []SeriesRefusal   // series and stacks that are not Chosen
	Dropped []InstanceRefusal // every instance that is not in Chosen
	Notes   []string          // oddities of the study

	Patients int // whose slices share the study; 0 when they are all of one

	Refusal *Refusal // why nothing was chosen; nil if something was

	// own counts the leading entries of Refused and Dropped that do not depend on
	// which candidate is chosen.
	own struct{ refused, dropped int }
}

// Select finds the one stack of slices to read in the instances of a study,
// by DefaultRules.
func Select(headers []Header) Selection { return DefaultRules().Select(headers) }

// Select finds the one stack of slices to read. Its result depends on the set
// of headers only, not on their order. See rank for the order of preference.
func (rules Rules) Select(headers []Header) Selection {
	var sel Selection
	all := append([]Header(nil), headers...)
	shareIssuers(all)
	sort.SliceStable(all, func(i, j int) bool { return before(&all[i], &all[j]) })

	usable := sel.dropRefused(all)
	usable = sel.dropSharedUIDs(usable)
	distinct := usable
	usable = sel.dropMixedPatients(usable)

	broken := sel.Dropped
	alone := 0
	groups := split(usable)
	for _, group := range groups {
		if len(group.headers) == 1 && len(group.marks) == 0 {
			alone++
		}
		series, repeated, refusal := rules.build(group)
		if refusal != nil {
			sel.Refused = append(sel.Refused, SeriesRefusal{group.headers[0].SeriesInstanceUID, *refusal})
			sel.dropAll(group.headers, *refusal)
			continue
		}
		sel.dropAll(repeated, *refuse(CodeRepeated, "another slice of the series has the same position and was used", ""))
		sel.Candidates = append(sel.Candidates, series)
	}
	for i := range all {
		if r := all[i].Refusal; r != nil && doubtful(r.Code) {
			distinct = append(distinct, all[i])
		}
	}
	sel.noteStudy(distinct)
	if len(sel.Candidates) == 0 {
		sel.Refusal = sel.conclude(len(all), broken)
		if alone > takenAgain && alone == len(groups) {
			sel.Refusal = refuse(CodeTooFewSlices,
				fmt.Sprintf("SeriesInstanceUID (0020,000E) is another in each of %d slices, so that no two are of one series", alone),
				"send the slices of a scan under one Series Instance UID")
		}
	} else {
		sel.Reason = rank(sel.Candidates)
		sel.Chosen = sel.Candidates[0]
	}
	sel.refuseRest(all)
	sel.own.refused, sel.own.dropped = len(sel.Refused), len(sel.Dropped)
	o := sel.Choose(nil)
	sel.Refused, sel.Dropped = o.Refused, o.Dropped
	return sel
}

func (sel *Selection) dropAll(headers []Header, r Refusal) {
	for i := range headers {
		sel.Dropped = append(sel.Dropped, dropped(&headers[i], r))
	}
}

func dropped(h *Header, r Refusal) InstanceRefusal {
	return InstanceRefusal{h.SOPInstanceUID, h.SeriesInstanceUID, h.Path, r}
}

// before is the canonical order of headers; the first of several at one
// position is the one that is used, and of copies the one that came last.
func before(a, b *Header) bool {
	for _, c := range []int{
		strings.Compare(a.StudyInstanceUID, b.StudyInstanceUID),
		strings.Compare(a.SeriesInstanceUID, b.SeriesInstanceUID),
		compareInts(a.InstanceNumber, b.InstanceNumber),
		strings.Compare(a.SOPInstanceUID, b.SOPInstanceUID),
		a.Frame - b.Frame,
		b.Order - a.Order,
		strings.Compare(a.Path, b.Path),
	} {
		if c != 0 {
			return c < 0
		}
	}
	return false
}

// compareInts orders numbers before absent ones.
func compareInts(a, b *int) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	case *a < *b:
		return -1
	case *a > *b:
		return 1
	}
	return 0
}

func (sel *Selection) drop(h *Header, r Refusal) {
	last := len(sel.Dropped) - 1
	if last >= 0 && sel.Dropped[last].Path == h.Path && sel.Dropped[last].Refusal == r {
		return // the frames of one instance share one refusal
	}
	sel.Dropped = append(sel.Dropped, dropped(h, r))
}

func (sel *Selection) dropRefused(headers []Header) []Header {
	var usable []Header
	for i := range headers {
		if r := headers[i].Refusal; r != nil {
			sel.drop(&headers[i], *r)
			continue
		}
		usable = append(usable, headers[i])
	}
	return usable
}

// dropSharedUIDs handles several files under one SOP Instance UID. The same
// slice sent twice is used once, as it came last: it may be corrected, the patient included. Different slices under one UID cannot
// be told apart by a reference, so that no result could name its source: all are refused.
func (sel *Selection) dropSharedUIDs(headers []Header) []Header {
	type slot struct {
		uid   string
		frame int
	}
	first := map[slot]*Header{}
	shared := map[string]bool{}
	copies := map[*Header]bool{}
	moved := 0
	for i := range headers {
		h := &headers[i]
		k := slot{h.SOPInstanceUID, h.Frame}
		f, ok := first[k]
		switch {
		case !ok:
			first[k] = h
		case f.SeriesInstanceUID == h.SeriesInstanceUID && f.Position == h.Position &&
			f.Orientation == h.Orientation && f.StudyInstanceUID == h.StudyInstanceUID:
			copies[h] = true
			if f.patient() != h.patient() {
				moved++
			}
		default:
			shared[h.SOPInstanceUID] = true
		}
	}
	var usable []Header
	repeated := 0
	for i := range headers {
		h := &headers[i]
		switch {
		case shared[h.SOPInstanceUID]:
			sel.drop(h, *refuse(CodeSharedUID,
				"several different slices have one SOP Instance UID (0008,0018), so that no reference can name one of them",
				"send the study again with a UID of its own for each slice; every file that came is kept"))
		case copies[h]:
			repeated++
			sel.drop(h, *refuse(CodeRepeated, "the slice came again under its SOP Instance UID, and the copy that came last was used", ""))
		default:
			usable = append(usable, *h)
		}
	}
	if repeated > 0 {
		sel.Notes = append(sel.Notes,
			fmt.Sprintf("%d slices came more than once under one SOP Instance UID at one position; the last that came is used", repeated))
	}
	if moved > 0 {
		sel.Notes = append(sel.Notes,
			fmt.Sprintf("%d slices came again under another PatientID (0010,0020); the result belongs to the one that came last", moved))
	}
	return usable
}

// dropMixedPatients refuses series that hold slices of two patients.
func (sel *Selection) dropMixedPatients(headers []Header) []Header {
	patients := map[string]map[patient]bool{}
	for i := range headers {
		h := &headers[i]
		key := h.StudyInstanceUID + "\x00" + h.SeriesInstanceUID
		if patients[key] == nil {
			patients[key] = map[patient]bool{}
		}
		patients[key][h.patient()] = true
	}
	var usable []Header
	refused := map[string]bool{}
	for i := range headers {
		h := &headers[i]
		key := h.StudyInstanceUID + "\x00" + h.SeriesInstanceUID
		if len(patients[key]) == 1 {
			usable = append(usable, *h)
			continue
		}
		r := *refuse(CodeTwoPatients,
			fmt.Sprintf("slices of %d patients (PatientID (0010,0020) with its issuer) are in one series", len(patients[key])),
			"if they are of one, "+remedyPatient+"; otherwise send the slices of each patient under a Study Instance UID of their own")
		if !refused[key] {
			refused[key] = true
			sel.Refused = append(sel.Refused, SeriesRefusal{h.SeriesInstanceUID, r})
		}
		sel.drop(h, r)
	}
	return usable
}

// noteStudy adds notes about the study as a whole.
func (sel *Selection) noteStudy(all []Header) {
	studies := map[string]map[patient]bool{}
	for i := range all {
		if all[i].StudyInstanceUID == "" {
			continue // unreadable file
		}
		if studies[all[i].StudyInstanceUID] == nil {
			studies[all[i].StudyInstanceUID] = map[patient]bool{}
		}
		studies[all[i].StudyInstanceUID][all[i].patient()] = true
	}
	if len(studies) > 1 {
		sel.Notes = append(sel.Notes,
			fmt.Sprintf("instances of %d studies were given together; a stack has slices of one only", len(studies)))
	}
	most := 0
	for _, patients := range studies {
		most = max(most, len(patients))
	}
	if most > 1 {
		sel.Patients = most
		sel.Notes = append(sel.Notes, fmt.Sprintf("%d patients (PatientID with its issuer) share the study: "+
			"a result belongs to the patient of its own slices only; "+
			"send the slices of each under a Study Instance UID of their own", most))
	}
}

// conclude says why there is no candidate: by the stack that came furthest, else
// by what most instances were refused for.
func (sel *Selection) conclude(total int, dropped []InstanceRefusal) *Refusal {
	if total == 0 {
		return refuse(CodeNothingUsable, "the study has no instance", "send the study again")
	}
	var why Refusal
	if i := slices.IndexFunc(dropped, func(d InstanceRefusal) bool { return doubtful(d.Refusal.Code) }); i >= 0 {
		why = dropped[i].Refusal
	} else if len(sel.Refused) > 0 {
		why = sel.Refused[0].Refusal
		for _, r := range sel.Refused {
			if slices.Contains([]string{CodeTooFewSlices, CodeTooFarApart, CodeMixed}, r.Refusal.Code) {
				why = r.Refusal
				break
			}
		}
	} else {
		why = mostCommon(dropped)
	}
	if why.Remedy == "" { // a localizer or a map is no mistake by itself, but there must be slices beside it
		why.Remedy = "send the axial slices of the chest as the scanner made them"
	}
	if len(dropped) > 0 {
		why.Text = fmt.Sprintf("%s; instances refused: %s", why.Text, countCodes(dropped))
	}
	return &why
}

// doubtful tells whether a refusal says that nobody knows whose the slices are.
func doubtful(code string) bool { return code == CodeTwoPatients || code == CodePartCorrected }

// refuseRest adds a refusal for every series that lost all its instances.
func (sel *Selection) refuseRest(all []Header) {
	spoken := map[string]bool{}
	for _, s := range sel.Candidates {
		spoken[s.SeriesInstanceUID] = true
	}
	for _, r := range sel.Refused {
		spoken[r.SeriesInstanceUID] = true
	}
	for i := range all {
		uid := all[i].SeriesInstanceUID
		if uid == "" || spoken[uid] {
			continue
		}
		spoken[uid] = true
		var own []InstanceRefusal
		for _, d := range sel.Dropped {
			if d.SeriesInstanceUID == uid {
				own = append(own, d)
			}
		}
		sel.Refused = append(sel.Refused, SeriesRefusal{uid, mostCommon(own)})
	}
}

// mostCommon returns the refusal whose code is the most frequent, the first of
// equals.
func mostCommon(dropped []InstanceRefusal) Refusal {
	count := map[string]int{}
	var best Refusal
	for _, d := range dropped {
		count[d.Refusal.Code]++
	}
	for _, d := range dropped {
		if best.Code == "" || count[d.Refusal.Code] > count[best.Code] {
			best = d.Refusal
		}
	}
	return best
}

func countCodes(dropped []InstanceRefusal) string {
	count := map[string]int{}
	var codes []string
	for _, d := range dropped {
		if count[d.Refusal.Code] == 0 {
			codes = append(codes, d.Refusal.Code)
		}
		count[d.Refusal.Code]++
	}
	sort.Strings(codes)
	for i, c := range codes {
		codes[i] = c + " " + strconv.Itoa(count[c])
	}
	return strings.Join(codes, ", ")
}

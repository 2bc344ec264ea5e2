package ct

import "fmt"

// Choice is what became of every series and instance of a study.
type Choice struct {
	Chosen  *Series // nil when every candidate was refused
	Reason  string  // why Chosen
	Refused []SeriesRefusal
	Unread  []*Series         // those of Refused that may show lungs, had they been read
	Dropped []InstanceRefusal // without the slices that Volume.Dropped lists
}

// Choose is the selection after its first candidates were refused when decoded,
// as LoadBest returns them: the next one is chosen. Without such refusals it is the
// selection itself.
func (sel *Selection) Choose(refused []SeriesRefusal) Choice {
	o := Choice{
		Refused: append([]SeriesRefusal(nil), sel.Refused[:sel.own.refused]...),
		Dropped: append([]InstanceRefusal(nil), sel.Dropped[:sel.own.dropped]...),
	}
	if len(refused) < len(sel.Candidates) {
		o.Chosen, o.Reason = sel.Candidates[len(refused)], sel.Reason
		if len(refused) > 0 {
			o.Reason = fmt.Sprintf("%s is the best that can be read: %s", describe(o.Chosen), refused[len(refused)-1].Refusal.Text)
		}
	}
	for i, s := range sel.Candidates {
		if s == o.Chosen {
			continue
		}
		var r Refusal
		if i < len(refused) {
			r = refused[i].Refusal
		} else {
			r = *refuse(CodeOtherChosen, fmt.Sprintf("%s can be read, but %s was chosen", describe(s), describe(o.Chosen)), "")
		}
		if r.Code != CodeNoLungs {
			o.Unread = append(o.Unread, s)
		}
		o.Refused = append(o.Refused, SeriesRefusal{s.SeriesInstanceUID, r})
		for k := range s.Headers {
			o.Dropped = append(o.Dropped, dropped(&s.Headers[k], r))
		}
	}
	return o
}

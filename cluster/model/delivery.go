package model

// DeliveryFences are what keeps a destination in order.
type DeliveryFences struct {
	Lock     bool // only who holds the lock of the destination adds its queue
	Grace    bool // who got the lock waits for the bound before it does: whoever had it has stopped by then
	SelfStop bool // a node whose bound is over ends what it has in hand, and its queues
	// Check: whether the bound is over is asked at the start of each job and before each object. Without it the order of what goes out is
	// kept all the same, by Ask and the marks; it is for fewer copies, and only what it is itself is found wrong.
	Check   bool
	Ask     bool // whether the object is replaced is asked before each
	Begun   bool // who begins with an object says so; it is withdrawn by nobody else, and goes out when that one is dead
	Own     bool // the mark is that of one visit, and what another one says of the object does not count, unless it was sent
	Fresh   bool // what is replaced already is not begun: nobody's heir shall send it
	Earlier bool // a revision waits while an earlier one is begun
	Sweep   bool // jobs of the dead are set back now and then
}

// AllDelivery are all of them.
func AllDelivery() DeliveryFences {
	return DeliveryFences{Lock: true, Grace: true, SelfStop: true, Check: true, Ask: true, Begun: true, Own: true, Fresh: true,
		Earlier: true, Sweep: true}
}

// states of the row of a delivery
const (
	noRow uint8 = iota
	waiting
	sent
	withdrawn
	begun // it waits, and a visit has it in hand, or had it and does not know the answer
)

// phases of a visit to the PACS
const (
	noVisit  uint8 = iota
	fetched        // the job is taken
	checked        // it was not too late for that
	loaded         // what waits was read
	asked          // the object may go
	wired          // it is on the wire
	answered       // the PACS has stored it
	done           // the ledger knows
	unsent         // cut short before it was on the wire, which the ledger is to know
	leaving        // cut short
)

type visit struct {
	phase, revision uint8
	heir            bool // somebody else began with the object
	marked          bool // this visit began with it
}

// delivery is the state of one destination, to which revisions 1 and 2 of a study send one object each. Index 0 is not used.
type delivery struct {
	lives
	lock   int8 // whose session holds it, -1 nobody's
	queue  [nodes]bool
	row    [3]uint8
	mark   [3]int8 // whose visit began with it last; of no meaning unless it is begun
	job    [3]job
	visit  [nodes]visit
	flight [nodes][3]bool // on the wire to the PACS, which may be slow
	has    [3]bool        // the PACS
}

// Delivery searches the world of one destination.
func Delivery(f Faults, on DeliveryFences) Result {
	d := delivery{lives: newLives(f), lock: 0}
	d.queue[0], d.row[1], d.job[1] = true, waiting, job{state: available}
	return explore(world[delivery]{
		start: d,
		steps: func(s delivery, emit func(step[delivery])) { s.all(f, on, emit) },
		good: func(s delivery) bool {
			return s.row[2] == sent && s.has[2] && (s.row[1] == sent && s.has[1] || s.row[1] == withdrawn && !s.has[1]) &&
				s.job[1].state == completed && s.job[2].state == completed
		},
	})
}

func (s delivery) all(f Faults, on DeliveryFences, emit func(step[delivery])) {
	s.lives.steps(f, s.idle, func(t turn, n int, to lives, fault bool) {
		next := s
		next.lives = to
		next.after(t, n, on)
		emit(step[delivery]{what: turns[t], node: n, to: next, fault: fault})
	})
	if !s.replaced(1) { // whoever read the study
		next := s
		next.row[2], next.job[2].state = waiting, available
		if next.row[1] == waiting {
			next.row[1] = withdrawn
		}
		emit(step[delivery]{what: "revision 2 is reported, what waits of revision 1 is withdrawn", node: -1, to: next})
	}
	for n := range s.node {
		say := func(what string, wrong string, change func(to *delivery)) {
			next := s
			change(&next)
			emit(step[delivery]{what: what, node: n, to: next, wrong: wrong})
		}
		s.own(n, on, say)
		s.send(n, f, on, say)
		for r := 1; r <= 2; r++ {
			s.pacs(n, uint8(r), say)
		}
	}
}

// replaced says that a revision is out of date.
func (s delivery) replaced(r uint8) bool { return r == 1 && s.row[2] != noRow }

func (s delivery) idle(n int) bool { return s.visit[n].phase == noVisit && !s.queue[n] }

// after is what a turn of a node's life means for the destination.
func (s *delivery) after(t turn, n int, on DeliveryFences) {
	switch t {
	case killed:
		s.queue[n], s.visit[n] = false, visit{}
	case closed:
		s.free(int8(n))
	case restarted:
		s.lock = -1
	case expired:
		if on.SelfStop && s.node[n].runs() {
			s.stop(n)
		}
	}
}

func (s *delivery) free(n int8) {
	if s.lock == n {
		s.lock = -1
	}
}

// stop is what a node does that has lost its session.
func (s *delivery) stop(n int) {
	s.queue[n] = false
	switch s.visit[n].phase {
	case loaded:
		s.visit[n].phase = unsent
	case fetched, checked, asked, wired:
		s.visit[n].phase = leaving
	}
}

// own is how a destination comes to a node.
func (s delivery) own(n int, on DeliveryFences, say func(string, string, func(*delivery))) {
	me := s.node[n]
	if on.Lock && me.joined() && s.lock == -1 {
		say("node %s gets the lock of the destination", "", func(to *delivery) { to.lock = int8(n) })
	}
	if me.joined() && !s.queue[n] && (s.lock == int8(n) || !on.Lock) && !(on.Lock && on.Grace && s.otherOwns(n)) {
		say("node %s sets back jobs of the dead and adds the queue", "", func(to *delivery) {
			*to = to.swept()
			to.queue[n] = true
		})
	}
	if on.Sweep && me.joined() && s.swept() != s {
		say("node %s sets back jobs of the dead", "", func(to *delivery) { *to = to.swept() })
	}
	if me.runs() && !me.believes && s.queue[n] {
		say("node %s finds that the bound is over and stops", "", func(to *delivery) { to.stop(n) })
	}
}

// otherOwns says that another node may still take itself for the owner.
func (s delivery) otherOwns(n int) bool {
	for m, other := range s.node {
		if m != n && s.queue[m] && other.believes {
			return true
		}
	}
	return false
}

// swept is s with what dead incarnations left running set back.
func (s delivery) swept() delivery {
	for r := 1; r <= 2; r++ {
		j := &s.job[r]
		if j.state == running && s.dead(j.by, j.number) {
			j.state = available
		}
	}
	return s
}

// send is the way of a job at a node.
func (s delivery) send(n int, f Faults, on DeliveryFences, say func(string, string, func(*delivery))) {
	me, v := s.node[n], s.visit[n]
	if !me.runs() {
		return
	}
	phase := func(p uint8) func(*delivery) { return func(to *delivery) { to.visit[n].phase = p } }
	fenced := on.Check && !me.believes
	waits := s.row[v.revision] == waiting || s.row[v.revision] == begun
	// Another visit has begun with the object since, or ended what this one began.
	other := on.Own && on.Begun && (v.marked && s.row[v.revision] == waiting ||
		s.row[v.revision] == begun && (!v.marked || s.mark[v.revision] != int8(n)))
	of := digit(v.revision)
	switch v.phase {
	case noVisit:
		for r := uint8(1); r <= 2 && me.works() && s.queue[n]; r++ {
			if s.job[r].state == available {
				say("node %s takes the job of revision "+digit(r), "", func(to *delivery) {
					to.job[r].state, to.job[r].by, to.job[r].number = running, int8(n), me.number
					to.visit[n] = visit{phase: fetched, revision: r}
				})
				break
			}
		}
	case fetched:
		if fenced {
			say("node %s is fenced and leaves the job of revision "+of, "", phase(leaving))
		} else {
			say("node %s may work on revision "+of, "", phase(checked))
		}
	case checked:
		switch {
		case !me.works():
		case on.Earlier && v.revision == 2 && s.row[1] == begun:
			say("node %s puts revision 2 off, since 1 is begun", "", phase(leaving))
		case waits:
			say("node %s begins with revision "+of, "", func(to *delivery) {
				to.visit[n].phase, to.visit[n].heir = loaded, s.row[v.revision] == begun
				if on.Begun && (s.row[v.revision] == begun || !s.replaced(v.revision) || !on.Fresh) {
					to.visit[n].marked, to.row[v.revision], to.mark[v.revision] = true, begun, int8(n)
				}
			})
		default:
			say("node %s finds nothing that waits of revision "+of, "", phase(done))
		}
	case loaded:
		mayEnd := s.replaced(v.revision) && !v.heir
		switch {
		case fenced:
			say("node %s is fenced and does not send revision "+of, "", phase(unsent))
		case !on.Ask && mayEnd:
			say("node %s goes on with revision "+of, "an object goes out that was replaced", phase(asked))
		case !on.Ask:
			say("node %s goes on with revision "+of, "", phase(asked))
		case me.works() && other:
			say("node %s asks, and another one has revision "+of+" in hand", "", phase(leaving))
		case me.works() && waits && mayEnd:
			say("node %s asks and finds revision "+of+" replaced", "", func(to *delivery) {
				to.visit[n].phase, to.row[v.revision] = done, withdrawn
			})
		case me.works() && waits:
			wrong := ""
			if !me.believes && s.lock != int8(n) {
				wrong = "a node goes on to send beside its heir, though its clock says that its time is over"
			}
			say("node %s asks, and the object of revision "+of+" still waits", wrong, phase(asked))
		case me.works():
			say("node %s asks, and the object of revision "+of+" waits no more", "", phase(done))
		}
	case asked:
		say("node %s puts the object of revision "+of+" on the wire", s.wrongToSend(n, f), func(to *delivery) {
			to.visit[n].phase, to.flight[n][v.revision] = wired, true
		})
	case answered:
		if me.works() {
			say("node %s records revision "+of+" as sent", "", func(to *delivery) {
				to.visit[n].phase, to.row[v.revision] = done, sent
			})
		}
	case unsent:
		if me.works() {
			say("node %s records that revision "+of+" was not sent", "", func(to *delivery) {
				to.visit[n].phase = leaving
				if s.row[v.revision] == begun && !other && !v.heir {
					to.row[v.revision] = waiting // what was replaced is withdrawn by the next visit
				}
			})
		}
	case done, leaving:
		s.end(n, say)
	}
}

// end is how a node is rid of a job.
func (s delivery) end(n int, say func(string, string, func(*delivery))) {
	me, v := s.node[n], s.visit[n]
	state, what := completed, "node %s completes the job of revision "
	of := digit(v.revision)
	if v.phase != done {
		state, what = available, "node %s gives back the job of revision "
	}
	if me.works() {
		say(what+of, "", func(to *delivery) {
			to.job[v.revision].end(state)
			to.visit[n] = visit{}
		})
	}
	if !me.believes {
		say("node %s drops the job of revision "+of, "", func(to *delivery) { to.visit[n] = visit{} })
	}
}

// wrongToSend says why the object in hand must not go out.
func (s delivery) wrongToSend(n int, f Faults) string {
	// A process may be frozen between asking and sending: what follows then is a second copy of an object that its heir sends as well.
	if !f.Freeze {
		for m := range s.node {
			if m != n && s.queue[m] && s.lock != int8(n) {
				return "two nodes send to one destination"
			}
		}
	}
	first := s.has[1]
	for m := range s.node {
		first = first || s.flight[m][1]
	}
	if s.visit[n].revision == 2 && first && s.row[1] != sent {
		return "revision 2 goes out and does not know that the PACS has revision 1, or will have it: nothing will reject that"
	}
	return ""
}

// pacs is what becomes of an object on the wire.
func (s delivery) pacs(n int, r uint8, say func(string, string, func(*delivery))) {
	if !s.flight[n][r] {
		return
	}
	waits := s.visit[n].phase == wired && s.visit[n].revision == r
	wrong := ""
	if r == 1 && s.has[2] && !s.has[1] {
		wrong = "the PACS gets revision 1 after revision 2"
	}
	say("the PACS stores revision "+digit(r)+" from node %s", wrong, func(to *delivery) {
		to.flight[n][r], to.has[r] = false, true
		if waits {
			to.visit[n].phase = answered
		}
	})
	if !waits {
		say("revision "+digit(r)+" from node %s is lost on its way", "", func(to *delivery) { to.flight[n][r] = false })
	}
}

func digit(r uint8) string { return string(rune('0' + r)) }

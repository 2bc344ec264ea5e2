package model

// DoorFences are what keeps a study whole.
type DoorFences struct {
	HoldRows  bool // an open association that has stored into a study is a row, written with the instance's; else the door's own memory
	Recheck   bool // whether a study is due is asked again in the transaction that settles it
	AllStored bool // a study settles when the files of all its instances are in the store
	Rehold    bool // who joins again writes the holds of its open associations again
	FreeHolds bool // the holds of the dead go
	Rebuild   bool // a start looks for what was answered and has no row
	Sweep     bool // jobs of the dead are set back
}

// AllDoors are all of them.
func AllDoors() DoorFences {
	return DoorFences{HoldRows: true, Recheck: true, AllStored: true, Rehold: true, FreeHolds: true, Rebuild: true, Sweep: true}
}

// states of an instance
const (
	nowhere  uint8 = iota
	spooled        // durable at its door and answered, its row is in the door's memory
	unknown        // durable and answered, and nobody knows
	recorded       // in the ledger
	stored         // and its file in the store
)

// states of a revision
const (
	noRevision uint8 = iota
	settled
	reading
	reported
	superseded
)

// maxRevision is as many as two instances can make.
const maxRevision = 2

type instance struct{ state, revision uint8 }

type work struct {
	phase    uint8 // fetched, loaded = begun, done, leaving
	revision uint8
}

// doors is the state of one study, of which every door gets one instance.
type doors struct {
	lives
	instance [nodes]instance
	open     [nodes]bool  // the association that brought it
	hold     [nodes]uint8 // row of it: number of the door's incarnation, 0 none
	due      [nodes]bool  // this node has looked and takes the study for complete
	newest   uint8
	revision [maxRevision + 1]uint8
	job      [maxRevision + 1]job
	work     [nodes]work
}

// Doors searches the world of one study.
func Doors(f Faults, on DoorFences) Result {
	return explore(world[doors]{
		start: doors{lives: newLives(f)},
		steps: func(s doors, emit func(step[doors])) { s.all(f, on, emit) },
		good: func(s doors) bool {
			for _, i := range s.instance {
				if i.state != nowhere && (i.revision == 0 || s.revision[s.newest] != reported) {
					return false
				}
			}
			return true
		},
	})
}

func (s doors) all(f Faults, on DoorFences, emit func(step[doors])) {
	s.lives.steps(f, func(n int) bool { return s.work[n].phase == noVisit }, func(t turn, n int, to lives, fault bool) {
		next := s
		next.lives = to
		next.after(t, n, on)
		emit(step[doors]{what: turns[t], node: n, to: next, fault: fault})
	})
	for n := range s.node {
		say := func(what string, wrong string, change func(to *doors)) {
			next := s
			change(&next)
			emit(step[doors]{what: what, node: n, to: next, wrong: wrong})
		}
		s.receive(n, on, say)
		s.settle(n, on, say)
		s.read(n, on, say)
	}
}

// after is what a turn of a node's life means for the study.
func (s *doors) after(t turn, n int, on DoorFences) {
	if t == restarted { // of no node
		return
	}
	i := &s.instance[n]
	switch t {
	case killed:
		s.open[n], s.due[n], s.work[n] = false, false, work{}
		if i.state == spooled {
			i.state = unknown
		}
	case started:
		if i.state == unknown && on.Rebuild {
			i.state = spooled
		}
	case expired:
		if s.node[n].runs() {
			s.stop(n)
		}
	case rejoined:
		if on.Rehold && s.open[n] && i.state >= recorded {
			s.hold[n] = s.node[n].number
		}
	}
}

func (s *doors) stop(n int) {
	if p := s.work[n].phase; p == fetched || p == loaded {
		s.work[n].phase = leaving
	}
}

// receive is a door.
func (s doors) receive(n int, on DoorFences, say func(string, string, func(*doors))) {
	me, i := s.node[n], s.instance[n]
	if me.runs() && i.state == nowhere {
		say("door %s gets an instance, makes it durable and answers", "", func(to *doors) {
			to.instance[n].state, to.open[n] = spooled, true
		})
	}
	if me.runs() && s.open[n] {
		say("the association at door %s ends", "", func(to *doors) { to.open[n] = false })
	}
	if me.works() && i.state == spooled {
		say("door %s records its instance", "", func(to *doors) {
			to.instance[n].state = recorded
			if to.open[n] && on.HoldRows {
				to.hold[n] = me.number
			}
		})
	}
	if me.works() && i.state == recorded {
		say("door %s puts its instance into the store", "", func(to *doors) { to.instance[n].state = stored })
	}
	if me.works() && !s.open[n] && s.hold[n] == me.number {
		say("door %s ends its hold", "", func(to *doors) { to.hold[n] = 0 })
	}
}

// complete says whether a node may take the study for complete. How long nothing came is left out: it may always be long enough.
func (s doors) complete(n int, on DoorFences) bool {
	fresh := false
	for m, i := range s.instance {
		fresh = fresh || i.state >= recorded && i.revision == 0
		if on.AllStored && i.state == recorded || on.HoldRows && s.hold[m] != 0 || !on.HoldRows && m == n && s.open[m] {
			return false
		}
	}
	return fresh
}

// settle is what any node may do, a leader that is none any more included.
func (s doors) settle(n int, on DoorFences, say func(string, string, func(*doors))) {
	if !s.node[n].works() {
		return
	}
	for m := range s.node {
		if on.FreeHolds && s.hold[m] != 0 && s.dead(int8(m), s.hold[m]) {
			say("node %s removes the hold of the dead door "+string(rune('A'+m)), "", func(to *doors) { to.hold[m] = 0 })
		}
	}
	if !s.due[n] && s.complete(n, on) {
		say("node %s finds the study complete", "", func(to *doors) { to.due[n] = true })
	}
	if !s.due[n] {
		return
	}
	fresh := false
	for _, i := range s.instance {
		fresh = fresh || i.state >= recorded && i.revision == 0
	}
	if !fresh || on.Recheck && !s.complete(n, on) {
		say("node %s finds that the study is not complete", "", func(to *doors) { to.due[n] = false })
		return
	}
	wrong := ""
	for m, door := range s.node {
		if door.session && s.open[m] && s.instance[m].state >= recorded {
			wrong = "a study is settled while a living door holds it"
		}
	}
	say("node %s settles the study", wrong, func(to *doors) {
		to.due[n] = false
		to.newest++
		for m := range to.instance {
			if i := &to.instance[m]; i.state >= recorded && i.revision == 0 {
				i.revision = to.newest
			}
		}
		for r := uint8(1); r < to.newest; r++ {
			if to.revision[r] == settled {
				to.revision[r] = superseded
			}
		}
		to.revision[to.newest], to.job[to.newest] = settled, job{state: available}
	})
}

// read is the way of a process job at a node.
func (s doors) read(n int, on DoorFences, say func(string, string, func(*doors))) {
	me, w := s.node[n], s.work[n]
	for r := 1; r <= maxRevision && on.Sweep && me.joined(); r++ {
		if j := s.job[r]; j.state == running && s.dead(j.by, j.number) {
			say("node %s sets back the job of revision "+digit(uint8(r))+", whose node is dead", "", func(to *doors) {
				to.job[r].state = available
			})
		}
	}
	if me.runs() && !me.believes && (w.phase == fetched || w.phase == loaded) {
		say("node %s finds that the bound is over and stops", "", func(to *doors) { to.stop(n) })
	}
	over := s.revision[w.revision] == reported || s.revision[w.revision] == superseded
	switch {
	case !me.works():
	case w.phase == noVisit && me.believes:
		for r := uint8(1); r <= maxRevision; r++ {
			if s.job[r].state == available {
				say("node %s takes the job of revision "+digit(r), "", func(to *doors) {
					to.job[r] = job{state: running, by: int8(n), number: me.number}
					to.work[n] = work{fetched, r}
				})
			}
		}
	case w.phase == fetched && over:
		say("node %s finds revision "+digit(w.revision)+" over", "", func(to *doors) { to.work[n].phase = done })
	case w.phase == fetched:
		wrong := ""
		for m, i := range s.instance {
			if m != n && i.state == recorded && i.revision != 0 && i.revision <= w.revision {
				wrong = "a study is read, and a file of it is at another door only"
			}
		}
		say("node %s begins to read revision "+digit(w.revision), wrong, func(to *doors) {
			to.work[n].phase, to.revision[w.revision] = loaded, reading
		})
	case w.phase == loaded:
		say("node %s reports revision "+digit(w.revision), "", func(to *doors) {
			to.work[n].phase, to.revision[w.revision] = done, reported
		})
	}
	if w.phase != done && w.phase != leaving || !me.runs() {
		return
	}
	state, what := completed, "node %s completes the job of revision "
	if w.phase == leaving {
		state, what = available, "node %s gives back the job of revision "
	}
	if me.works() {
		say(what+digit(w.revision), "", func(to *doors) { to.job[w.revision].end(state); to.work[n] = work{} })
	}
	if !me.believes {
		say("node %s drops the job of revision "+digit(w.revision), "", func(to *doors) { to.work[n] = work{} })
	}
}

package model

// nodes is how many there are.
const nodes = 2

// Faults are those that may happen, Most of them in one run.
type Faults struct {
	Kill, Cut, Freeze, Restart bool // of a process; its cable to PostgreSQL; a process that comes back; PostgreSQL
	Most                       int
}

// node is the life of one node.
type node struct {
	up       bool
	frozen   bool
	cut      bool  // from PostgreSQL; the PACS and the modalities are within reach
	session  bool  // PostgreSQL has one of its present incarnation, with its locks
	believes bool  // its clock says that the session lives: the last beat is not older than the bound
	number   uint8 // of its incarnation
}

// runs says that its code goes on.
func (n node) runs() bool { return n.up && !n.frozen }

// works says that its transactions do; they need no session.
func (n node) works() bool { return n.runs() && !n.cut }

// joined says that it takes part.
func (n node) joined() bool { return n.works() && n.session && n.believes }

// lives are all nodes.
type lives struct {
	node [nodes]node
	left int8 // faults that may still happen
}

func newLives(f Faults) lives {
	l := lives{left: int8(f.Most)}
	for i := range l.node {
		l.node[i] = node{up: true, session: true, believes: true, number: 1}
	}
	return l
}

// dead says that an incarnation of a node has no session.
func (l lives) dead(n int8, number uint8) bool {
	return !l.node[n].session || l.node[n].number != number
}

// turn is a kind of step in the life of a node.
type turn int

const (
	killed turn = iota
	started
	wasCut
	mended
	froze
	thawed
	closed    // PostgreSQL drops the session
	expired   // the bound is over for the node's clock
	rejoined  // with a session of its own again, as a new incarnation
	restarted // PostgreSQL
)

var turns = [...]string{"node %s is killed", "node %s starts", "node %s is cut from PostgreSQL", "node %s reaches PostgreSQL again",
	"node %s is frozen", "node %s comes back", "PostgreSQL drops the session of node %s and frees its locks",
	"the bound is over for node %s", "node %s joins as a new incarnation", "PostgreSQL restarts"}

// steps are what can happen to the nodes. idle says that a node that lost its session has nothing left in hand.
func (l lives) steps(f Faults, idle func(n int) bool, emit func(t turn, n int, to lives, fault bool)) {
	change := func(t turn, n int, fault bool, f func(to *node)) {
		to := l
		f(&to.node[n])
		if fault {
			to.left--
		}
		emit(t, n, to, fault)
	}
	for i, n := range l.node {
		if l.left > 0 && n.up {
			if f.Kill {
				change(killed, i, true, func(to *node) { to.up, to.frozen, to.believes = false, false, false })
			}
			if f.Cut && !n.cut {
				change(wasCut, i, true, func(to *node) { to.cut = true })
			}
			if f.Freeze && !n.frozen {
				change(froze, i, true, func(to *node) { to.frozen = true })
			}
		}
		if !n.up {
			change(started, i, false, func(to *node) { to.up = true })
		}
		if n.cut {
			change(mended, i, false, func(to *node) { to.cut = false })
		}
		if n.frozen {
			change(thawed, i, false, func(to *node) { to.frozen = false })
		}
		// A frozen process is a frozen machine, too, which answers no keepalive.
		if n.session && (!n.up || n.cut || n.frozen || !n.believes) {
			change(closed, i, false, func(to *node) { to.session = false })
		}
		if n.believes && (n.cut || n.frozen || !n.session) {
			change(expired, i, false, func(to *node) { to.believes = false })
		}
		if n.works() && !n.session && !n.believes && idle(i) {
			change(rejoined, i, false, func(to *node) { to.session, to.believes, to.number = true, true, to.number+1 })
		}
	}
	if l.left > 0 && f.Restart {
		to := l
		to.left--
		for i := range to.node {
			to.node[i].session = false
		}
		emit(restarted, -1, to, true)
	}
}

// job is one of River's, as a row.
type job struct {
	state  uint8
	by     int8  // who runs it
	number uint8 // of the incarnation
}

const (
	noJob uint8 = iota
	available
	running
	completed
)

// end is what a node's completer writes of a job that the node took: River looks whether the job runs, not who runs it.
func (j *job) end(state uint8) {
	if j.state == running {
		j.state = state
	}
}

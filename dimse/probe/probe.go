package probe

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Target is the acceptor.
type Target struct {
	Address         string // host:port
	Called, Calling string

	// Wait is how long an answer may take.
	Wait time.Duration
	// Request is how long the acceptor may keep a connection that brings no whole request, PDU how long an association whose
	// peer stops in the middle of a PDU. For cases that wait.
	Request, PDU time.Duration
}

// Case is one input.
type Case struct {
	Group, Input string
	// Want are the answers that are right; "*" stands for any text. The first is jcsnode's.
	Want   []string
	Source string // of the answer

	// Waits: the case takes as long as the acceptor's timers.
	Waits bool

	run func(*peer) string
}

// Result is what came of a case.
type Result struct {
	Case
	Answer string
	Lost   string // how a good peer fared afterwards, empty if it was served
}

// Right reports whether the answer is one that the standard allows and the acceptor lives.
func (r Result) Right() bool {
	return r.Lost == "" && slices.ContainsFunc(r.Want, func(pattern string) bool { return matches(pattern, r.Answer) })
}

// matches takes "*" as any text.
func matches(pattern, answer string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "|"), strings.ReplaceAll(answer, "/", "|"))
	return ok && err == nil
}

// Run puts the target to the cases, one after the other; those that wait for its timers run at the same time behind them.
func Run(t Target, cases []Case) []Result {
	return RunWhile(t, cases, func(Result) bool { return true })
}

// RunWhile is Run that stops behind the first case of whose result goOn says so. It is not asked about those that wait.
func RunWhile(t Target, cases []Case, goOn func(Result) bool) []Result {
	var results []Result
	for i, c := range cases {
		if c.Waits {
			return append(results, t.together(cases[i:])...)
		}
		results = append(results, Result{Case: c, Answer: t.try(c), Lost: t.serves()})
		if !goOn(results[i]) {
			break
		}
	}
	return results
}

// together runs cases at the same time.
func (t Target) together(cases []Case) []Result {
	results := make([]Result, len(cases))
	var wg sync.WaitGroup
	for i, c := range cases {
		wg.Go(func() { results[i] = Result{Case: c, Answer: t.try(c)} })
	}
	wg.Wait()
	lost := t.serves()
	for i := range results {
		results[i].Lost = lost
	}
	return results
}

func (t Target) try(c Case) string {
	p, err := t.connect()
	if err != nil {
		return "no connection: " + err.Error()
	}
	defer p.conn.Close()
	return c.run(p)
}

// serves is empty if a good peer is served.
func (t Target) serves() string {
	p, err := t.connect()
	if err != nil {
		return "no connection: " + err.Error()
	}
	defer p.conn.Close()
	if ac, answer := p.associate(t.usual()); ac == nil {
		return answer
	}
	return p.goesOn()
}

// Table writes the cases as a table of Markdown for each group, with the answers of jcsnode.
func Table(cases []Case) string {
	var b strings.Builder
	group := ""
	for _, c := range cases {
		if c.Group != group {
			group = c.Group
			fmt.Fprintf(&b, "\n### %s\n| input | answer | source |\n|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", c.Input, c.Want[0], c.Source)
	}
	return b.String()
}

// Cases are all cases, by group, those that wait behind all others.
func Cases() []Case {
	return append(Quick(), waits()...)
}

// Quick are the cases that do not wait.
func Quick() []Case {
	return slices.Concat(strangers(), requests(), states(), fragments(), commands(), services(), dataSets(), pace())
}

// Association is what a good peer sends: request, C-ECHO, C-STORE and release.
func (t Target) Association() []byte {
	return join(t.usual().bytes(), echoMessage(1), message(explicitContext, store(2), ct(explicitLE)), releaseRQ)
}

// The forms that most cases have.

// send plays bytes on a fresh connection.
func send(parts ...[]byte) func(*peer) string {
	return func(p *peer) string {
		p.write(parts...)
		return p.answer()
	}
}

// ask makes a request that differs from the usual one, and uses the association.
func ask(change func(*request)) func(*peer) string {
	return askFor(change, func(*accepted) string { return "" })
}

// askFor is ask with a look at the answer.
func askFor(change func(*request), look func(*accepted) string) func(*peer) string {
	return func(p *peer) string {
		r := p.target.usual()
		change(&r)
		ac, answer := p.associate(r)
		if ac == nil {
			return answer
		}
		text := "accepted" + ac.refusals() + look(ac) + ac.faults
		if ac.results[echoContext] == 0 && ac.syntaxes[echoContext] != "" {
			return text + p.goesOn()
		}
		return text + p.release()
	}
}

// inside plays bytes on the usual association and tells the next answers. Behind responses the association has to go on.
func inside(answers int, parts ...[]byte) func(*peer) string {
	return with(func(*request) {}, answers, parts...)
}

// with is inside on an association of another request.
func with(change func(*request), answers int, parts ...[]byte) func(*peer) string {
	return func(p *peer) string {
		r := p.target.usual()
		change(&r)
		ac, answer := p.associate(r)
		if ac == nil {
			return answer
		}
		p.write(parts...)
		return p.answers(answers)
	}
}

// answers tells the next answers.
func (p *peer) answers(count int) string {
	var all []string
	for range count {
		got := p.answer()
		all = append(all, got)
		if !strings.Contains(got, "-RSP ") {
			return strings.Join(all, ", ")
		}
	}
	return strings.Join(all, ", ") + p.goesOn()
}

package node

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"jcsnode/config"
	"jcsnode/guard"
)

// pulse is when a loop was last seen at work.
type pulse struct{ at atomic.Int64 }

func (p *pulse) beat() { p.at.Store(time.Now().UnixNano()) }

func (p *pulse) since() time.Duration { return time.Since(time.Unix(0, p.at.Load())) }

// Alive says what of a running node has stood still for longer than the limit, nil for nothing: the loop that takes studies as
// complete, where it is this node's, and the ledger, which reception, reading and delivery all wait for. A ledger that answers with an
// error is alive: a restart would not mend its disk. Nor would it mend a database that cannot be reached, or does not answer.
func (n *Node) Alive(ctx context.Context, limit time.Duration) error {
	err := n.probe(ctx, limit)
	if errors.Is(err, errDatabaseAway) {
		n.databaseAway.beat()
		return nil
	}
	if err != nil {
		return err
	}
	allowed := max(limit, settleSlack)
	silent := n.settling.since()
	if n.leading.Load() && n.member.Fenced() == nil && min(silent, n.databaseAway.since()) > allowed {
		return fmt.Errorf("no study was looked at for %s", silent.Round(time.Second))
	}
	return nil
}

// errDatabaseAway says that a database beyond this process does not answer.
var errDatabaseAway = errors.New("the database does not answer")

// freshLimit is how long a new connection may take until the database answers on it.
const freshLimit = 5 * time.Second

// probe has the ledger answer within the limit. Where it does not, the connections in use may all be stuck, which a restart mends, or the
// database may be away. A node of several knows that from the session of its membership; one alone asks on a new connection.
func (n *Node) probe(ctx context.Context, limit time.Duration) error {
	if answered, _ := ask(ctx, limit, n.ledger.Probe); answered {
		return nil
	}
	away := n.member.Fenced() != nil
	if n.config.Ledger.URL != "" && !n.config.Several() {
		answered, err := ask(ctx, min(limit, freshLimit), n.ledger.Reach)
		away = !answered || err != nil
	}
	if away {
		return errDatabaseAway
	}
	return fmt.Errorf("the ledger has not answered within %s", limit)
}

// ask says whether there was an answer within the limit, and which. A driver that hangs does not hear of the end of ctx.
func ask(ctx context.Context, limit time.Duration, question func(ctx context.Context) error) (answered bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	answer := make(chan error, 1)
	go func() { answer <- guard.Call(func() error { return question(ctx) }) }()
	select {
	case err = <-answer:
	case <-ctx.Done():
	}
	return ctx.Err() == nil, err
}

// settleSlack is how long studies may wait to be looked at without a fault: the loop looks once a second, after what it found was settled.
const settleSlack = 10 * time.Second

// Describe says in one line what a running node does.
func (n *Node) Describe() string {
	if !n.has(config.RoleDoor) {
		return fmt.Sprintf("%s, a node for %s; networks on %s", n.config.Node.AETitle, strings.Join(n.config.Node.Roles, ", "), n.Device())
	}
	text := fmt.Sprintf("%s receives on %s", n.config.Node.AETitle, n.config.Node.Listen)
	if n.own != nil {
		text += " and by TLS on " + n.config.TLS.Listen
	}
	return fmt.Sprintf("%s; networks on %s", text, n.Device())
}

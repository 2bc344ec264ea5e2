package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/ledger"
	"jcsnode/netfault"
	"jcsnode/scu"
	"jcsnode/status"
	"jcsnode/web"
)

// eventAsked is the kind of the event of what somebody had done on the page.
const eventAsked = "asked on the page"

// act does what somebody asks for on the page, by the functions of the command line. That it was asked, and by whom, stands in the ledger
// before it is done.
func (n *Node) act(ctx context.Context, user string, a web.Action) (web.Answer, error) {
	asked := ledger.Event{Kind: eventAsked, Attributes: map[string]any{"user": user, "action": a.Kind, "of": a.Of}}
	asked.Text = fmt.Sprintf("%s, by %s", strings.ReplaceAll(a.Kind, "-", " "), user)
	do := map[string]func(context.Context, string) (web.Answer, error){
		web.ReadAgain:   n.readAgain(false),
		web.SendAgain:   n.readAgain(true),
		web.TryNow:      n.tryNow,
		web.Echo:        n.echo,
		web.Preflight:   n.preflight,
		web.TestWebhook: n.testWebhook,
	}[a.Kind]
	if do == nil {
		return web.Answer{Text: "There is no such action."}, nil
	}
	// What nobody knows is no business of the ledger.
	switch a.Kind {
	case web.ReadAgain, web.SendAgain:
		uid, err := n.views.Find(ctx, a.Of)
		if err != nil {
			return web.Answer{Text: err.Error()}, nil
		}
		a.Of, asked.StudyUID = uid, uid
	default:
		if !n.knows(a) {
			return unknown, nil
		}
		asked.Text += " of " + a.Of
	}
	if err := n.ledger.Event(ctx, asked); err != nil {
		return web.Answer{}, err
	}
	n.log.Info(eventAsked, "action", a.Kind, "of", a.Of, "user", user)
	return do(ctx, a.Of)
}

// unknown is the answer about a name that stands in no configuration.
var unknown = web.Answer{Text: "Nothing of that name is configured."}

// knows tells whether what an action is about is configured.
func (n *Node) knows(a web.Action) bool {
	if a.Kind == web.TestWebhook {
		return slices.ContainsFunc(n.site.Load().config.Webhooks, func(w config.Webhook) bool { return w.Name == a.Of })
	}
	return slices.Contains(DestinationNames(n.site.Load().config.Destinations), a.Of)
}

func (n *Node) readAgain(resend bool) func(context.Context, string) (web.Answer, error) {
	return func(ctx context.Context, uid string) (web.Answer, error) {
		if _, err := Requeue(ctx, n.ledger, n.views, uid, resend); err != nil {
			return web.Answer{Text: err.Error()}, nil
		}
		text := "The study is read again; its failed deliveries and notifications are tried again."
		if resend {
			text = "The study is read again, and all its objects are sent again."
		}
		return web.Answer{Good: true, Text: text}, nil
	}
}

func (n *Node) tryNow(ctx context.Context, destination string) (web.Answer, error) {
	studies, objects, err := n.ledger.Redeliver(ctx, ledger.Redelivery{Destination: destination, Failed: true})
	if err != nil {
		return web.Answer{}, err
	}
	return web.Answer{Good: true, Text: fmt.Sprintf("%s of %s are tried now.",
		status.Plural(objects, "object"), status.Plural(studies, "study"))}, nil
}

func (n *Node) echo(ctx context.Context, name string) (web.Answer, error) {
	for _, d := range n.delivery.Destinations() {
		if d.Name != name {
			continue
		}
		dialer := Dialer(d.CallingAETitle, d.Timeouts.Connect)
		dialer.TLSConfig = d.TLS
		began := time.Now()
		if err := (scu.Acceptor{Address: d.Address, CalledAETitle: d.AETitle, Dialer: dialer}).Echo(ctx); err != nil {
			return web.Answer{Text: fmt.Sprintf("%s at %s: %s", d.AETitle, d.Address, netfault.Words(err))}, nil
		}
		took := time.Since(began).Milliseconds()
		return web.Answer{Good: true, Text: fmt.Sprintf("%s at %s answers (%d ms).", d.AETitle, d.Address, took)}, nil
	}
	return unknown, nil
}

func (n *Node) preflight(ctx context.Context, name string) (web.Answer, error) {
	for _, d := range n.delivery.Destinations() {
		if d.Name != name {
			continue
		}
		answers := d.Preflight(ctx)
		var text strings.Builder
		WritePreflight(&text, d, answers)
		return web.Answer{Good: answers.Good(), Text: text.String()}, nil
	}
	return unknown, nil
}

func (n *Node) testWebhook(ctx context.Context, name string) (web.Answer, error) {
	for _, w := range n.site.Load().config.Webhooks {
		if w.Name != name {
			continue
		}
		answer, err := TestWebhook(ctx, n.config.Node, w, n.version)
		if err != nil {
			return web.Answer{Text: fmt.Sprintf("%s: NOT TAKEN: %s", w.Name, netfault.Words(err))}, nil
		}
		return web.Answer{Good: true, Text: w.Name + ": " + answer}, nil
	}
	return unknown, nil
}

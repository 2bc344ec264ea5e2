package node

import (
	"context"
	"sync"
	"time"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dimse/secure"
	"jcsnode/ledger"
	"jcsnode/notify"
	"jcsnode/results"
	"jcsnode/scp"
)

// site is what of the configuration may change while the node runs, in the words of each part. It is not changed once made: a reload puts
// another one in its place, and each part asks for the current one whenever it begins something.
type site struct {
	config       config.Config
	door         scp.Settings
	addresses    []scp.ReportAddress
	quietOf      func(callingAETitle string) time.Duration
	silentAfter  map[string]time.Duration
	recipients   results.Recipients
	destinations []dicomout.Destination
	subscribers  []notify.Subscriber
	keep         time.Duration
	keepRows     time.Duration
	watched      []*secure.Identity // whose certificates expire
}

// siteOf reads what the configuration names: TLS files and those of webhooks.
func (n *Node) siteOf(c config.Config) (*site, error) {
	s := &site{
		config:      c,
		quietOf:     QuietOf(c.Peers),
		silentAfter: silentAfter(c.Peers),
		recipients:  Recipients(c.Destinations),
		keep:        time.Duration(c.Keep.Days) * 24 * time.Hour,
		keepRows:    time.Duration(c.Keep.LedgerDays) * 24 * time.Hour,
	}
	var err error
	if s.door, err = doorSettings(c); err != nil {
		return nil, err
	}
	if s.addresses, err = n.reportAddresses(s); err != nil {
		return nil, err
	}
	for _, d := range c.Destinations {
		destination, own, err := Destination(d, n.log)
		if err != nil {
			return nil, err
		}
		s.watch(own)
		s.destinations = append(s.destinations, destination)
	}
	for _, w := range c.Webhooks {
		subscriber, err := Subscriber(w, n.store, n.version, n.log)
		if err != nil {
			return nil, err
		}
		s.subscribers = append(s.subscribers, subscriber)
	}
	return s, nil
}

// parties are those of the site whom the ledger has work for.
func (s *site) parties() ledger.Parties {
	return ledger.Parties{
		Destinations:   DestinationNames(s.config.Destinations),
		CommitmentFrom: CommitmentFrom(s.config.Destinations),
		Receivers:      subscriptions(s.config.Webhooks),
		LongestWait:    longestWait(s.config.Destinations),
	}
}

// reportAddresses says where reports of storage commitment go.
func (n *Node) reportAddresses(s *site) ([]scp.ReportAddress, error) {
	var all []scp.ReportAddress
	for _, p := range s.config.Peers {
		if p.Address == "" {
			continue
		}
		a := scp.ReportAddress{AETitle: p.AETitle, Address: p.Address}
		if p.TLS {
			own := s.config.TLS
			i, err := identity("peer "+p.AETitle, secure.Files{Certificate: own.Certificate, Key: own.Key, Authorities: p.CA}, n.log)
			if err != nil {
				return nil, err
			}
			s.watch(i)
			a.TLS = i.Client(p.TLSName)
		}
		all = append(all, a)
	}
	return all, nil
}

// watch has the certificate of an identity watched, where it has one.
func (s *site) watch(i *secure.Identity) {
	if i != nil && i.Certificate() != nil {
		s.watched = append(s.watched, i)
	}
}

// watchCertificates watches those of the current site until ctx ends.
func (n *Node) watchCertificates(ctx context.Context) error {
	for ctx.Err() == nil {
		watching, stop := context.WithCancel(ctx)
		var g sync.WaitGroup
		for _, i := range n.site.Load().watched {
			g.Go(func() { i.Watch(watching, time.Duration(n.config.TLS.ExpiryWarning)) })
		}
		select {
		case <-ctx.Done():
		case <-n.moved:
		}
		stop()
		g.Wait()
	}
	return nil
}

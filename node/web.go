package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/dimse/secure"
	"jcsnode/web"
	"jcsnode/web/access"
	"jcsnode/web/picture"
)

// webPoll is how often the node is looked at for those who watch its page.
const webPoll = 2 * time.Second

// wireWeb makes the page, if there is to be one.
func (n *Node) wireWeb(networks Networks) error {
	c := n.config.Web
	if c.Listen == "" {
		return nil
	}
	guard, err := guardOf(c)
	if err != nil {
		return err
	}
	if c.Certificate != "" {
		if n.ownWeb, err = identity("page", secure.Files{Certificate: c.Certificate, Key: c.Key}, n.log); err != nil {
			return err
		}
	}
	pictures, err := picture.NewDrawer(n.store)
	if err != nil {
		return err
	}
	set := web.Settings{Views: n.views, Pictures: pictures, Guard: guard, Act: n.act, Logger: n.log, Poll: webPoll}
	if c.Identifiers != config.IdentifiersUIDs {
		set.Identify = n.identify
	}
	if c.ViewerURL != "" {
		set.ViewerURL = func(study string) string {
			return strings.ReplaceAll(c.ViewerURL, config.StudyPlace, url.QueryEscape(study))
		}
	}
	if c.Try.Enabled {
		n.trial = n.newTrials(networks)
		set.Try = n.trial
	}
	n.web = web.NewServer(set)
	return nil
}

// guardOf says in web/access's words who may look.
func guardOf(c config.Web) (*access.Guard, error) {
	proxies, err := c.Proxies()
	if err != nil {
		return nil, fmt.Errorf("web.trusted_proxies: %w", err)
	}
	set := access.Settings{
		Hosts:     c.Hosts,
		Loopback:  c.Loopback(),
		TLS:       c.Certificate != "",
		Everybody: c.Auth == config.AuthNone,
		Proxies:   proxies,
		Now:       time.Now,
		Cost:      access.DefaultCost,
	}
	if c.Auth == config.AuthProxy {
		set.ProxyHeader = c.ProxyHeader
	}
	if c.UsersFile != "" {
		set.Users = access.NewUsers(c.UsersFile)
		if _, err := set.Users.List(); err != nil {
			return nil, fmt.Errorf("web.users_file: %w", err)
		}
	}
	return access.NewGuard(set), nil
}

// identify says what a study is known by, as far as web.identifiers allows.
func (n *Node) identify(_ context.Context, name string) ([]web.Identifier, error) {
	patient := n.config.Web.Identifiers == config.IdentifiersPatient
	ids, err := identifiersIn(n.store, name, patient)
	if err != nil {
		return nil, err
	}
	var all []web.Identifier
	for _, i := range []web.Identifier{{Name: "Accession number", Value: ids.AccessionNumber}, {Name: "Patient ID", Value: ids.PatientID}} {
		if i.Value != "" {
			all = append(all, i)
		}
	}
	return all, nil
}

// ListenPage opens the port of the page, if there is one; Run serves it. Listen does it, too.
func (n *Node) ListenPage() error {
	if n.web == nil {
		return nil
	}
	c := n.config.Web
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("page: %w", portError(c.Listen, err))
	}
	scheme := "http"
	if n.ownWeb != nil {
		scheme = "https"
		l = tls.NewListener(l, n.ownWeb.Server(false))
	}
	n.log.Info("the page is open", "address", scheme+"://"+l.Addr().String(), "auth", c.Auth)
	n.webListener = l
	return nil
}

// runWeb serves the page until ctx ends. What goes wrong with it is no reason to stop receiving.
func (n *Node) runWeb(ctx context.Context) error {
	if err := n.web.Run(ctx, n.webListener); err != nil {
		n.log.Error("the page is closed; everything else goes on", "error", err)
	}
	return nil
}

package node

import (
	"fmt"
	"time"

	"jcsnode/config"
	"jcsnode/pipeline/codec"
	"jcsnode/scp"
)

// doorSettings says who may come in and with what.
func doorSettings(c config.Config) (scp.Settings, error) {
	syntaxes, err := TransferSyntaxes(c.Node)
	if err != nil {
		return scp.Settings{}, err
	}
	settings := scp.Settings{
		AETitle:          c.Node.AETitle,
		CheckCalled:      c.Node.CheckCalled,
		AcceptOther:      c.Node.AcceptOther,
		TransferSyntaxes: syntaxes,
	}
	for _, d := range c.Destinations {
		if d.Commitment { // it reports to the title that asked
			settings.OtherTitles, settings.Reports = append(settings.OtherTitles, d.CallingAETitle), true
		}
	}
	for _, p := range c.Peers {
		prefix, err := p.Prefix()
		if err != nil {
			return settings, fmt.Errorf("network of peer %q: %w", p.AETitle, err)
		}
		settings.Peers = append(settings.Peers, scp.Peer{
			AETitle:     p.AETitle,
			Network:     prefix,
			Certificate: p.Certificate,
			StaysOpen:   p.StaysOpen,
		})
	}
	return settings, nil
}

// TransferSyntaxes are those that the node accepts, the preferred one first.
func TransferSyntaxes(c config.Node) ([]string, error) {
	if len(c.TransferSyntaxes) == 0 {
		return codec.TransferSyntaxes(), nil
	}
	for _, uid := range c.TransferSyntaxes {
		if !codec.Supported(uid) {
			return nil, fmt.Errorf("node.transfer_syntaxes: %s cannot be read by this program; it reads %v", uid, codec.TransferSyntaxes())
		}
	}
	return c.TransferSyntaxes, nil
}

// QuietOf looks up the quiet time of a peer that has its own; 0: that of all.
func QuietOf(peers []config.Peer) func(callingAETitle string) time.Duration {
	own := map[string]time.Duration{}
	for _, p := range peers {
		if p.Quiet > 0 {
			own[p.AETitle] = max(own[p.AETitle], time.Duration(p.Quiet))
		}
	}
	return func(title string) time.Duration { return own[title] }
}

package node

import (
	"log/slog"
	"slices"
	"time"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dimse"
	"jcsnode/dimse/secure"
	"jcsnode/results"
)

// Destination says in dicomout's words where a destination is, how it is met and what it gets. It reads the TLS files, which are the
// identity, nil where there is no TLS.
func Destination(d config.Destination, log *slog.Logger) (dicomout.Destination, *secure.Identity, error) {
	timeout := time.Duration(d.Timeout)
	to := dicomout.Destination{
		Destination: deliver.Destination{
			Name:           d.Name,
			AETitle:        d.AETitle,
			Address:        d.Address,
			CallingAETitle: d.CallingAETitle,
			Associations:   d.Associations,
			Timeouts:       dimse.Timeouts{Connect: timeout, Request: timeout, Response: timeout},
		},
		Profile: Profile(d),
		Passing: deliver.Policy{
			Base:   time.Duration(d.RetryFirst),
			Factor: d.RetryFactor,
			Cap:    time.Duration(d.RetryLongest),
			Age:    time.Duration(d.RetryGiveUp),
		},
		CommitmentWait: time.Duration(d.CommitmentWait),
	}
	if d.Commitment {
		to.CommitmentAETitle = d.CommitmentAETitle
	}
	if !d.TLS {
		return to, nil, nil
	}
	own, err := identity("destination "+d.Name, secure.Files{Certificate: d.Certificate, Key: d.Key, Authorities: d.CA}, log)
	if err != nil {
		return to, nil, err
	}
	to.TLS = own.Client(d.TLSName)
	return to, own, nil
}

// Profile says in dicomout's words what a destination gets.
func Profile(d config.Destination) dicomout.Profile {
	wants := func(name string) bool { return slices.Contains(d.Objects, name) }
	return dicomout.Profile{
		Summary:            wants("summary"),
		Segmentation:       wants("segmentation"),
		Lungs:              wants("lungs"),
		Report:             wants("report"),
		Activation:         wants("activation"),
		ParametricMap:      wants("parametric_map"),
		Outline:            wants("outline"),
		LabelMap:           d.LabelMap,
		LabelMapBackground: d.LabelMapBackground,
		MultiFrame:         d.MultiFrame,
		Rejection:          d.Rejection,
		NotProcessed:       d.NotProcessed,
	}
}

// Recipients are the destinations. Where there are none, what one would get that asks for nothing special stays at the node.
func Recipients(all []config.Destination) results.Recipients {
	var recipients results.Recipients
	for _, d := range all {
		recipients = append(recipients, results.Recipient{Name: d.Name, Profile: Profile(d)})
	}
	if len(recipients) == 0 {
		recipients = append(recipients, results.Recipient{Profile: Profile(config.DefaultDestination())})
	}
	return recipients
}

// DestinationNames are the names of the destinations.
func DestinationNames(all []config.Destination) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// CommitmentFrom are the names of destinations that are asked to confirm that they keep what they were sent.
func CommitmentFrom(all []config.Destination) []string {
	var names []string
	for _, d := range all {
		if d.Commitment {
			names = append(names, d.Name)
		}
	}
	return names
}

// longestWait is the longest that a delivery or a request for storage commitment is put off by the configuration.
func longestWait(destinations []config.Destination) time.Duration {
	longest := time.Duration(0)
	for _, d := range destinations {
		longest = max(longest, time.Duration(d.RetryLongest), time.Duration(d.CommitmentWait))
	}
	return longest
}

package main

import (
	"slices"
	"strings"
	"time"

	"jcsnode/config"
	"jcsnode/dicomout"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
)

// destinationOf says in dicomout's words where a destination is and how it is met, without its TLS files.
func destinationOf(d config.Destination) dicomout.Destination {
	timeout := time.Duration(d.Timeout)
	commitmentTitle := ""
	if d.Commitment {
		commitmentTitle = d.CommitmentAETitle
	}
	return dicomout.Destination{
		Destination: deliver.Destination{Name: d.Name, AETitle: d.AETitle, Address: d.Address, CallingAETitle: d.CallingAETitle,
			CommitmentAETitle: commitmentTitle,
			Associations:      d.Associations, Timeouts: dimse.Timeouts{Connect: timeout, Request: timeout, Response: timeout}},
		Profile:        profileOf(d),
		Passing:        deliver.Policy{Base: time.Duration(d.RetryFirst), Factor: d.RetryFactor, Cap: time.Duration(d.RetryLongest), Age: time.Duration(d.RetryGiveUp)},
		CommitmentWait: time.Duration(d.CommitmentWait),
	}
}

// confirming are the destinations that are asked to confirm that they keep what they were sent.
func confirming(all []config.Destination) []string {
	var names []string
	for _, d := range all {
		if d.Commitment {
			names = append(names, d.Name)
		}
	}
	return names
}

// profileOf says in dicomout's words what a destination gets.
func profileOf(d config.Destination) dicomout.Profile {
	wants := func(name string) bool { return slices.Contains(d.Objects, name) }
	return dicomout.Profile{
		Summary: wants("summary"), Segmentation: wants("segmentation"), Lungs: wants("lungs"), Report: wants("report"),
		Activation: wants("activation"), ParametricMap: wants("parametric_map"), Outline: wants("outline"),
		LabelMap: d.LabelMap, LabelMapBackground: d.LabelMapBackground, MultiFrame: d.MultiFrame, Rejection: d.Rejection, NotProcessed: d.NotProcessed,
	}
}

// kindsMade are the kinds of objects that the destinations of the configuration ask for together, of a study or of one that could
// not be read. Without a destination, results stay here: those that one would get that asks for nothing special.
func kindsMade(c config.Config, refused bool) []object.Kind {
	destinations := c.Destinations
	if len(destinations) == 0 {
		destinations = []config.Destination{config.DefaultDestination()}
	}
	var profiles []dicomout.Profile
	for _, d := range destinations {
		profiles = append(profiles, profileOf(d).Of(refused))
	}
	return dicomout.Kinds(profiles...)
}

func destinationNames(c config.Config) []string {
	var names []string
	for _, d := range c.Destinations {
		names = append(names, d.Name)
	}
	return names
}

// destinationsOf are the destinations that get objects of the kind.
func destinationsOf(c config.Config, kind string, refused bool) []string {
	var names []string
	for _, d := range c.Destinations {
		if profileOf(d).Of(refused).Wants(kind) {
			names = append(names, d.Name)
		}
	}
	return names
}

// kindNames is for people: "summary, segmentation, outline".
func kindNames(kinds []object.Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, kindName(k.Name))
	}
	return strings.Join(names, ", ")
}

// kindName is a kind as people know it: by its name in objects of config.toml, if it has one. Ledger, files and JSON keep its own.
func kindName(kind string) string {
	switch kind {
	case object.Segmentation.Name:
		return "segmentation"
	case object.ParametricMap.Name:
		return "parametric_map"
	}
	return kind
}

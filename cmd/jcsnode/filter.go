package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/ledger"
)

// listFlags say which studies are listed.
type listFlags struct {
	limit                                               int
	state, scanner, result, delivery, from, to, request string
}

var (
	states = []string{ledger.StateReceiving, ledger.StateSettled, ledger.StateProcessing, ledger.StateReported, ledger.StateNotProcessed}
	found  = []string{ledger.ResultPositive, ledger.ResultNegative, ledger.ResultNone}
	unsent = []string{ledger.DeliveryWaiting, ledger.DeliveryFailed}
)

// addTo adds the flags to a command.
func (l *listFlags) addTo(c *cobra.Command) {
	c.Flags().IntVar(&l.limit, "limit", 50, "list at most so many studies, the newest first; 0: all")
	c.Flags().StringVar(&l.state, "state", "", "list only those that are `STATE`: "+strings.Join(states, ", "))
	c.Flags().StringVar(&l.scanner, "scanner", "", "list only those whose first instance this calling AE `title` sent")
	c.Flags().StringVar(&l.result, "result", "", "list only those with this `RESULT`: "+strings.Join(found, ", "))
	c.Flags().StringVar(&l.delivery, "deliveries", "", "list only those of which a delivery is `STATE`: "+strings.Join(unsent, ", "))
	c.Flags().StringVar(&l.from, "from", "", "list only those with instances from this `DATE` on, 2026-01-31 or 2026-01-31T15:04")
	c.Flags().StringVar(&l.to, "to", "", "list only those whose last instance came up to this `DATE`, the whole day or minute included")
	c.Flags().StringVar(&l.request, "accession", "", "list only those with this accession `NUMBER`")
	for name, values := range map[string][]string{"state": states, "result": found, "deliveries": unsent} {
		complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return values, cobra.ShellCompDirectiveNoFileComp
		}
		if err := c.RegisterFlagCompletionFunc(name, complete); err != nil {
			panic(err) // a flag that is not there
		}
	}
}

// filter is what the flags ask for.
func (l *listFlags) filter() (ledger.Filter, error) {
	f := ledger.Filter{State: l.state, CallingAE: l.scanner, Result: l.result, Delivery: l.delivery, Accession: l.request,
		Limit: l.limit}
	switch {
	case l.limit < 0:
		return f, fmt.Errorf("--limit %d: a number from 0 on", l.limit)
	case l.limit == 0:
		f.Limit = -1
	}
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{{"state", l.state, states}, {"result", l.result, found}, {"deliveries", l.delivery, unsent}} {
		if c.value != "" && !slices.Contains(c.allowed, c.value) {
			return f, fmt.Errorf("--%s %q: one of %s", c.flag, c.value, strings.Join(c.allowed, ", "))
		}
	}
	var err error
	if f.From, _, err = dateOf("from", l.from); err != nil {
		return f, err
	}
	_, f.To, err = dateOf("to", l.to)
	return f, err
}

// dateOf reads the day or the minute of a flag, where the node is: when it begins and when it is over.
func dateOf(flag, text string) (begins, ends time.Time, err error) {
	if text == "" {
		return begins, ends, nil
	}
	if day, err := time.ParseInLocation("2006-01-02", text, time.Local); err == nil {
		return day, day.AddDate(0, 0, 1), nil
	}
	minute, err := time.ParseInLocation("2006-01-02T15:04", text, time.Local)
	if err != nil {
		return begins, ends, fmt.Errorf("--%s %q: a date as 2026-01-31 or 2026-01-31T15:04", flag, text)
	}
	return minute, minute.Add(time.Minute), nil
}

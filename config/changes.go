package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// reloaded are the tables that a running node takes anew.
var reloaded = []string{"peer", "destination", "webhook", "log", "keep"}

// Reloaded is what runs once a node that runs with a configuration has taken what it can of the file.
func Reloaded(running, file Config) Config {
	to, from := reflect.ValueOf(&running).Elem(), reflect.ValueOf(file)
	for i := range to.NumField() {
		if slices.Contains(reloaded, to.Type().Field(i).Tag.Get("toml")) {
			to.Field(i).Set(from.Field(i))
		}
	}
	return running
}

// Changes names the settings in which the file differs from what runs, by key and by the name of peer, destination or webhook, and not by
// their values, some of which are secrets: those that a running node takes, and those that need a restart.
func Changes(running, file Config) (taken, restart []string) {
	before, after := reflect.ValueOf(running), reflect.ValueOf(file)
	for i := range before.NumField() {
		table := before.Type().Field(i).Tag.Get("toml")
		var changed []string
		switch {
		case table == "-":
			continue
		case before.Field(i).Kind() == reflect.Slice:
			changed = rowChanges(table, before.Field(i), after.Field(i))
		default:
			changed = keyChanges(table+".", before.Field(i), after.Field(i))
		}
		if slices.Contains(reloaded, table) {
			taken = append(taken, changed...)
		} else {
			restart = append(restart, changed...)
		}
	}
	return taken, restart
}

// keyChanges names the keys in which two tables differ.
func keyChanges(prefix string, before, after reflect.Value) []string {
	var changed []string
	for i := range before.NumField() {
		key := before.Type().Field(i).Tag.Get("toml")
		if key != "-" && !reflect.DeepEqual(before.Field(i).Interface(), after.Field(i).Interface()) {
			changed = append(changed, prefix+key)
		}
	}
	return changed
}

// rowChanges names the rows that came, went and differ, of tables that there may be several of.
func rowChanges(table string, before, after reflect.Value) []string {
	var changed []string
	old, now := rowsByName(before), rowsByName(after)
	for i := range after.Len() {
		name := rowName(after.Index(i), after)
		as := fmt.Sprintf("%s %q", table, name)
		if was, known := old[name]; !known {
			changed = append(changed, as+" added")
		} else {
			changed = append(changed, keyChanges(as+" ", was, now[name])...)
		}
	}
	for i := range before.Len() {
		name := rowName(before.Index(i), before)
		if _, there := now[name]; !there {
			changed = append(changed, fmt.Sprintf("%s %q removed", table, name))
		}
	}
	return changed
}

func rowsByName(rows reflect.Value) map[string]reflect.Value {
	named := map[string]reflect.Value{}
	for i := range rows.Len() {
		named[rowName(rows.Index(i), rows)] = rows.Index(i)
	}
	return named
}

// rowName is how people call a row: a peer by its AE title, and with whatever else it asks for where several have that.
func rowName(row, among reflect.Value) string {
	switch r := row.Interface().(type) {
	case Destination:
		return r.Name
	case Webhook:
		return r.Name
	case Peer:
		all := among.Interface().([]Peer)
		shared := slices.ContainsFunc(all, func(p Peer) bool { return p != r && p.AETitle == r.AETitle })
		if r.AETitle != "" && !shared {
			return r.AETitle
		}
		return strings.Join(slices.DeleteFunc([]string{r.AETitle, r.Network, r.Certificate}, func(s string) bool { return s == "" }), " ")
	}
	return ""
}

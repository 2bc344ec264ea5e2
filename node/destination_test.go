package node

import (
	"testing"

	"jcsnode/config"
	"jcsnode/dicomout/object"
)

// Every name that the configuration knows is a kind of object of its own, which people are told by that name.
func TestProfile_EveryName(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range config.ObjectNames() {
		kinds := Profile(config.Destination{Objects: []string{name}}).Kinds()
		if len(kinds) != 1 || seen[kinds[0].Name] {
			t.Errorf("%s gives %v", name, kinds)
			continue
		}
		seen[kinds[0].Name] = true
		if got := object.PlainName(kinds[0].Name); got != name && got != name+"-alone" { // a report by itself has another form
			t.Errorf("%s is called %s", name, got)
		}
	}
}

// Without a destination what one gets by default is made, and sent to nobody.
func TestRecipients_NobodyIsTheNodeItself(t *testing.T) {
	all := Recipients(nil)
	byDefault := Recipients([]config.Destination{config.DefaultDestination()})
	if len(all) != 1 || all[0].Name != "" || len(all.Kinds(false)) == 0 || len(all.Kinds(false)) != len(byDefault.Kinds(false)) {
		t.Errorf("without a destination: %+v", all)
	}
}

package node

import (
	"slices"
	"testing"

	"jcsnode/status"
)

// A role that is nobody's is told of once, not at the first look, and once more when it is somebody's again.
func TestRoleWatch(t *testing.T) {
	w := roleWatch{}
	none, read := []status.Lack(nil), []status.Lack{{Role: "read", Waits: 2}}
	for i, c := range []struct {
		seen []status.Lack
		news int
		back []string
	}{
		{read, 0, nil}, {none, 0, nil}, // a restart
		{read, 0, nil}, {read, 1, nil}, {read, 0, nil}, {none, 0, []string{"read"}},
		{none, 0, nil}, {read, 0, nil}, {read, 1, nil},
	} {
		if news, back := w.look(c.seen); len(news) != c.news || !slices.Equal(back, c.back) {
			t.Errorf("look %d: %v, %v", i, news, back)
		}
	}
}

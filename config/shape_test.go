package config

import (
	"strings"
	"testing"
)

func TestLoad_TellsWhatToWriteInstead(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"text for a number": {"[node]\n# a comment\nmax_pdu = \"big\"\n",
			[]string{`node.max_pdu (line 3): "big"; a whole number is wanted, without quotes`}},
		"number for a text": {"[node]\nlisten = 104\n", []string{"node.listen (line 2): 104; a text is wanted, in quotes"}},
		"fraction": {"[cascade]\nthreshold = 25.5\n",
			[]string{"cascade.threshold (line 2): 25.5; a whole number is wanted, without quotes"}},
		"truth for a number": {"[cascade]\nthreshold_mm = true\n", []string{"cascade.threshold_mm (line 2): true; a number is wanted"}},
		"text for a truth":   {"[node]\naccept_other = \"yes\"\n", []string{`node.accept_other (line 2): "yes"; true or false is wanted`}},
		"text for a list":    {"[[webhook]]\non = \"result\"\n", []string{`webhook[1].on (line 2): "result"; a list of texts is wanted`}},
		"list of numbers": {"[node]\ntransfer_syntaxes = [1]\n",
			[]string{"node.transfer_syntaxes (line 2): is a list; a list of texts is wanted"}},
		"table for a text":  {"[node]\nlisten = { port = 104 }\n", []string{"node.listen (line 2): is a table; a text is wanted"}},
		"duration, no unit": {"[settle]\nquiet = 60\n", []string{`settle.quiet (line 2): "60" is no duration, such as "90s"`}},
		"size":              {"[node]\nreserve = \"much\"\n", []string{`node.reserve (line 2): "much" is no size, such as "512MB"`}},
		"line not found":    {"node.max_pdu = \"big\"\n", []string{`node.max_pdu: "big"; a whole number is wanted`}},
		"second of its table": {archive + "\n" + archive + "associations = \"2\"\n",
			[]string{`destination[2].associations (line 10): "2"; a whole number`}},
		"all at once": {"[node]\nmax_pdu = \"big\"\nlissten = \":104\"\n[keep]\ndays = \"1\"\n",
			[]string{"3 mistakes", "node.max_pdu (line 2)", "keep.days (line 5)",
				"node.lissten: unknown key; did you mean node.listen?"}},

		"single brackets": {"\n" + strings.Replace(archive, "[[destination]]", "[destination]", 1),
			[]string{"destination (line 2): write [[destination]], with double brackets"}},
		"double brackets":   {"[[node]]\nlisten = \":104\"\n", []string{"node (line 1): write [node], with single brackets"}},
		"value for a table": {"node = 5\n", []string{"node (line 1): 5; write [node], and its keys below"}},
		"value for tables": {"destination = [\"pacs\"]\n",
			[]string{"destination (line 1): is a list; write [[destination]], and its keys below"}},
		"unknown table": {"[nod]\nlisten = \":104\"\n", []string{"1 mistake ", "[nod]: unknown table; did you mean [node]?"}},
		"unknown tables": {"[[destinations]]\nname = \"pacs\"\n",
			[]string{"1 mistake ", "[destinations]: unknown table; did you mean [[destination]]?"}},
		"table like no other": {"[delivery]\nx = 1\n",
			[]string{"1 mistake ", "[delivery]: unknown table; config.toml of the program lists"}},
		"table in a table": {"[node.tls]\nlisten = \":104\"\n", []string{"1 mistake ", "node.tls: unknown key"}},
		"key in no table": {"ae_title = \"CT\"\n",
			[]string{"ae_title: stands in no table; did you mean node.ae_title? Write it below [node]"}},
		"unknown in no table": {"colour = \"red\"\n", []string{"colour: unknown key, in no table"}},
		"key like no other":   {"[node]\ncolour = \"red\"\n", []string{"node.colour: unknown key; config.toml of the program lists"}},
	} {
		_, err := load(t, c.text)
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
}

func TestLoad_OtherWaysToWriteTheSame(t *testing.T) {
	c, err := load(t, "node.listen = \":104\"\ndestination = [{ name = \"pacs\", ae_title = \"PACS\", address = \"pacs:104\" }]\n"+
		"webhook = []\n[CASCADE]\nThreshold_MM = 25\n")
	if err != nil || c.Node.Listen != ":104" || len(c.Destinations) != 1 ||
		c.Destinations[0].Name != "pacs" || c.Cascade.ThresholdMM != 25 {
		t.Errorf("%+v, %v", c, err)
	}
}

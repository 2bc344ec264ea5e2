package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// leaf is a room that every other may know.
const leaf = "findings"

// arrows are the imports that docs/design.md draws: each room may know these rooms of ours, the leaf and no others. A room not listed
// here may know the leaf alone.
var arrows = map[string][]string{
	"guard":             {},
	"durable":           {},
	"dataset":           {},
	"dimse/pdu":         {},
	"dimse":             {"dimse/pdu", "netfault"},
	"netfault":          {},
	"dimse/probe":       {},
	"config":            {},
	"ledger":            {"guard", "ledger/postgres", "ledger/sqlite", "ledger/jobs"},
	"ledger/postgres":   {"guard", "ledger/jobs"},
	"ledger/sqlite":     {"durable", "ledger/jobs"},
	"ledger/jobs":       {},
	"ledger/transfer":   {"ledger/postgres", "ledger/sqlite"},
	"ledger/ledgertest": {"ledger", "ledger/sqlite"},
	"models":            {"guard"},
	"commitment":        {"dimse", "dataset"},
	"cluster":           {},
	"cluster/model":     {},
	"store":             {},
	"store/disk":        {"durable", "store"},
	"store/storetest":   {"store"},
	"store/s3":          {"netfault", "store"},
	"store/s3test":      {},
	"store/cache":       {"store"},
	"store/tier":        {"guard", "store"},
	"migrate":           {"store"},
	"scp":               {"dimse", "dimse/pdu", "dataset", "store", "ledger", "commitment", "netfault"},
	"pipeline/codec":    {"dataset", "pipeline/codec/*"},
	"pipeline/codec/*":  {"guard", "pipeline/codec/codestream"},
	"pipeline/chest":    {"guard"},
	"pipeline/ct":       {"guard", "dataset", "pipeline/codec", "pipeline/chest"},
	"pipeline/cascade":  {"guard", "pipeline/ct"},
	"pipeline/lung":     {"guard", "pipeline/chest"},
	"pipeline":          {"guard", "dataset", "store", "ledger", "pipeline/ct", "pipeline/cascade", "pipeline/lung"},
	"notify":            {"ledger", "netfault"},
	"status":            {"ledger", "store", "dicomout/object"},
	"web":               {"dicomout/object", "ledger", "status", "store", "web/access", "web/picture", "web/try"},
	"metrics":           {"ledger", "status"},
	"web/access":        {"durable"},
	"web/try":           {"dataset", "guard", "store"},
	"web/picture":       {"dataset", "dicomout/object", "dicomout/sc", "pipeline/ct", "preview", "store"},
	"scu":               {"dataset", "dimse"},
	"backup":            {"durable", "ledger/sqlite"},
	"phantom":           {},
	"dicomout/object":   {"dataset"},
	"dicomout/object/*": {"dataset", "dicomout/object"},
	"dicomout/seg":      {"dataset", "dicomout/object"},
	"dicomout/sc":       {"dataset", "dicomout/object"},
	"dicomout/sr":       {"dataset", "dicomout/object"},
	"dicomout/pmap":     {"dataset", "dicomout/object"},
	"dicomout/deliver":  {"guard", "dimse", "dimse/pdu", "dataset", "commitment", "dicomout/object", "netfault"},
	"dicomout": {"guard", "commitment", "dataset", "store", "ledger", "dicomout/object", "dicomout/seg", "dicomout/sc", "dicomout/sr",
		"dicomout/pmap", "dicomout/deliver", "netfault"},
	"cmd/jcsnode":                {"*"},
	"corpus":                     {},
	"pgtest":                     {},
	"cabletest":                  {},
	"dicomout/object/objecttest": {"corpus", "dataset", "dicomout/object"},
	"phantom/alter":              {},
	"phantom/odd":                {"phantom"},
	"phantom/phantomtest":        {"phantom"},
	"bench/ledger":               {"ledger", "ledger/sqlite", "status", "bench/peers"},
	"bench/cluster":              {"config", "ledger", "node", "pgtest", "phantom", "pipeline", "pipeline/cascade", "scu", "store/s3test"},
	"bench/lungs":                {"dataset", "phantom", "phantom/alter", "pipeline/ct", "pipeline/lung"},
	"bench/*":                    {"models", "dataset", "dimse", "dimse/probe", "phantom", "bench/peers", "bench/vgg"},

	"results": {"dataset", "ledger", "models", "pipeline", "pipeline/cascade", "pipeline/ct", "pipeline/lung",
		"dicomout", "dicomout/object", "dicomout/sc", "dicomout/seg", "dicomout/sr"},
	"preview": {"dataset"},
	"offline": {"dataset", "pipeline", "pipeline/cascade", "pipeline/ct", "preview", "results"},
	"node": {"cluster", "config", "dataset", "dicomout", "dicomout/deliver", "dicomout/object", "dimse", "dimse/secure",
		"durable", "guard", "ledger", "ledger/postgres", "ledger/sqlite", "ledger/transfer", "migrate", "models", "notify",
		"pipeline", "pipeline/cascade", "pipeline/codec", "results", "scp", "store",
		"store/cache", "store/disk", "store/s3", "store/tier",
		"commitment", "metrics", "netfault", "offline", "scu", "status", "web", "web/access", "web/picture", "web/try"},
	"conformance": {"commitment", "config", "dataset", "dicomout/object", "dimse", "dimse/pdu", "dimse/secure", "node", "scp"},
}

func TestArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "jcsnode/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		room := strings.TrimPrefix(p.ImportPath, "jcsnode/")
		allowed := allowedFor(room)
		for _, i := range p.Imports {
			to, ours := strings.CutPrefix(i, "jcsnode/")
			if ours && to != leaf && !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, to) }) {
				t.Errorf("%s imports %s, an arrow that the design does not draw", room, to)
			}
		}
	}
}

func allowedFor(room string) []string {
	if exact, ok := arrows[room]; ok {
		return exact
	}
	for pattern, allowed := range arrows {
		if matches(pattern, room) {
			return allowed
		}
	}
	return nil
}

// matches takes "*" as everything and "a/*" as everything below a.
func matches(pattern, room string) bool {
	if pattern == "*" || pattern == room {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, "*")
	return ok && strings.HasPrefix(room, prefix)
}

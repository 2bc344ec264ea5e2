package probe

import (
	"flag"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the tables of docs/robustness.md")

// docs/robustness.md ends with the tables of the cases. That the node gives these answers is a test of cmd/jcsnode.
func TestTable_IsInTheDocumentation(t *testing.T) {
	const path, begin = "../../docs/robustness.md", "<!-- from here on written by: go test ./dimse/probe -update -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	intro, tables, found := strings.Cut(string(text), begin)
	if !found {
		t.Fatalf("%s has no line %q", path, begin)
	}
	want := Table(Cases())
	if *update {
		if err := os.WriteFile(path, []byte(intro+begin+want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, tables); diff != "" {
		t.Errorf("%s is not that of the cases (-update writes it), -want +got:\n%s", path, diff)
	}
}

func TestCases_AreComplete(t *testing.T) {
	seen := map[string]bool{}
	waiting := false
	for _, c := range Cases() {
		name := c.Group + ": " + c.Input
		if seen[name] {
			t.Errorf("%s: twice", name)
		}
		seen[name] = true
		if c.Group == "" || c.Input == "" || c.Source == "" || len(c.Want) == 0 || c.run == nil {
			t.Errorf("%s: not complete", name)
		} else if strings.ContainsAny(c.Want[0], "*?[") {
			t.Errorf("%s: the answer of jcsnode, %q, is a pattern", name, c.Want[0])
		}
		if waiting && !c.Waits {
			t.Errorf("%s: stands behind one that waits", name)
		}
		waiting = c.Waits
		for _, w := range c.Want {
			one := strings.NewReplacer("*", "any/thing", "?", "x", "[AC]", "A", "[79]", "7", "[0AC]", "0", "[12]", "1").Replace(w)
			if !matches(w, one) {
				t.Errorf("%s: pattern %q does not work", name, w)
			}
		}
	}
	if len(seen) < 300 {
		t.Errorf("%d cases", len(seen))
	}
}

// acceptor plays what to every connection, whatever comes, and closes it.
func acceptor(t *testing.T, what []byte) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
				_, _ = conn.Read(make([]byte, 1))
				_, _ = conn.Write(what)
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// An acceptor that gives one answer to everything is found out.
func TestRun_FindsWhatIsWrong(t *testing.T) {
	some := []Case{}
	for _, c := range Quick() {
		switch c.Input {
		case "A-RELEASE-RP", "called title of nobody", "C-STORE":
			some = append(some, c)
		}
	}
	for name, what := range map[string][]byte{
		"aborts":         unit(typeAbort, []byte{0, 0, 0, 0}),
		"is silent":      nil,
		"releases":       releaseRP,
		"sends too much": []byte("\x02\x00\xFF\xFF\xFF\xFF"),
		"sends nonsense": unit(typeAC, []byte{1, 2, 3}),
	} {
		results := Run(Target{Address: acceptor(t, what), Called: "A", Calling: "B", Wait: 50 * time.Millisecond}, some)
		for _, r := range results {
			if r.Right() {
				t.Errorf("an acceptor that %s passes %q with %q", name, r.Input, r.Answer)
			}
			if name == "aborts" && r.Answer != "A-ABORT 0/0" || name == "is silent" && r.Answer != silence {
				t.Errorf("an acceptor that %s: %q", name, r.Answer)
			}
		}
	}
}

func TestDescribe_FindsFaultsOfForm(t *testing.T) {
	good := echo(7).number(commandField, 0x8000|cEcho).number(status, 0).number(respondedTo, 7)
	for want, set := range map[string][]byte{
		"C-ECHO-RSP 0000H to 7":                   good.bytes(),
		"command set that is cut":                 good.bytes()[:5],
		"command set whose group length is wrong": join(commandElement(0, le32(1)), good.elements()),
		"command set without element 0000":        good.elements(),
		"command set without element 0800":        good.without(dataSetType).bytes(),
		"command set with a faulty element 0800":  reversed(good),
		"command set with a faulty element 7777":  good.with(0x7777, []byte("odd")).bytes(),
		"C-STORE-RQ":                              store(1).bytes(),
		"0777H-RSP 0211H to 1":                    operation(0x8777, 1, withoutData).number(status, 0x211).number(respondedTo, 1).bytes(),
	} {
		if got := describe(set); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

package dataset_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"jcsnode/dataset"
)

// drawNodes makes a level of a random data set: private tags, so that implicit VR has no
// dictionary to help or to hinder.
func drawNodes(t *rapid.T, depth int) []node {
	n := rapid.IntRange(0, 5).Draw(t, "elements")
	var out []node
	for i := range n {
		tag := dataset.NewTag(0x0029, uint16(0x1000+i))
		vr := rapid.SampledFrom([]string{"LO", "US", "OB", "UN", "SQ", "OV", "UT", "FD", "SV"}).Draw(t, "vr")
		if vr == "SQ" && depth < 4 {
			items := make([][]node, rapid.IntRange(0, 3).Draw(t, "items"))
			for k := range items {
				items[k] = drawNodes(t, depth+1)
			}
			out = append(out, node{tag: tag, vr: vr, items: items, open: true})
			continue
		}
		if vr == "SQ" {
			vr = "OB"
		}
		value := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "value")
		out = append(out, node{tag: tag, vr: vr, value: value[:len(value)&^7]})
	}
	return out
}

// flat lists tag, depth and length as a walk should report them.
func flat(nodes []node, depth int) []string {
	var out []string
	for _, n := range nodes {
		length := len(n.value)
		if n.items != nil {
			length = -1
		}
		out = append(out, fmt.Sprint(n.tag, depth, length))
		for _, item := range n.items {
			out = append(out, fmt.Sprint(dataset.Item, depth+1, -1))
			out = append(out, flat(item, depth+1)...)
		}
	}
	return out
}

var walkSyntaxes = []string{
	dataset.ImplicitVRLittleEndian, dataset.ExplicitVRLittleEndian,
	dataset.ExplicitVRBigEndian, dataset.DeflatedExplicitVRLittleEndian,
}

func deflate(b []byte) []byte {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, 6)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err)
	}
	return out.Bytes()
}

// TestWalk_ReportsWhatWasWritten: a random data set, walked as a file and as a stream
// that trickles, shows its elements in order.
func TestWalk_ReportsWhatWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := drawNodes(t, 0)
		ts, _ := dataset.LookupTransferSyntax(rapid.SampledFrom(walkSyntaxes).Draw(t, "syntax"))
		b := encode(nodes, ts)
		if ts.Deflated {
			b = deflate(b)
		}
		want := flat(nodes, 0)
		for name, r := range map[string]io.Reader{
			"seeker": bytes.NewReader(b), "stream": io.MultiReader(bytes.NewReader(b)),
		} {
			var got []string
			err := dataset.Walk(r, ts, dataset.Limits{}, func(e dataset.Element) error {
				got = append(got, fmt.Sprint(e.Tag, e.Depth, e.Length))
				return nil
			})
			if err != nil {
				t.Fatalf("%s, %s: %v\n%x", name, ts.Name, err, b)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("%s, %s (-want +got):\n%s", name, ts.Name, d)
			}
		}
	})
}

// TestRead_GivesBackValues: every value of a random data set, also inside sequences,
// comes back byte for byte, whether kept in memory or read from the file.
func TestRead_GivesBackValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := append([]node{{tag: dataset.Modality, vr: "CS", value: []byte("CT")}}, drawNodes(t, 0)...)
		uid := rapid.SampledFrom(walkSyntaxes).Draw(t, "syntax")
		ts, _ := dataset.LookupTransferSyntax(uid)
		b := encode(nodes, ts)
		if ts.Deflated {
			b = deflate(b)
		}
		b = part10(uid, b)
		lim := dataset.Limits{Value: int64(rapid.SampledFrom([]int{1, 8, 1 << 16}).Draw(t, "limit"))}
		f, err := dataset.Read(bytes.NewReader(b), int64(len(b)), lim)
		if err != nil {
			t.Fatalf("%s: %v", ts.Name, err)
		}
		compare(t, f.Set(), nodes, ts)
	})
}

func compare(t *rapid.T, set *dataset.Set, nodes []node, ts dataset.TransferSyntax) {
	for _, n := range nodes {
		if !set.Has(n.tag) {
			t.Fatalf("%s: %v is missing", ts.Name, n.tag)
		}
		if n.items != nil {
			items := set.Items(n.tag)
			if len(items) != len(n.items) {
				t.Fatalf("%s: %v has %d items, want %d", ts.Name, n.tag, len(items), len(n.items))
			}
			for i := range items {
				compare(t, items[i], n.items[i], ts)
			}
			continue
		}
		want := n.value
		if ts.BigEndian {
			want = reversed(want, n.vr)
		}
		got, _ := set.Bytes(n.tag)
		if !bytes.Equal(got, want) {
			t.Fatalf("%s: %v %s is %x, want %x", ts.Name, n.tag, n.vr, got, want)
		}
	}
	if len(set.Elements()) != len(nodes) {
		t.Fatalf("%s: %d elements, want %d", ts.Name, len(set.Elements()), len(nodes))
	}
}

// reversed swaps the numbers of a value, whose length is a multiple of 8.
func reversed(b []byte, vr string) []byte {
	n := map[string]int{"US": 2, "FD": 8, "OV": 8, "SV": 8}[vr]
	if n == 0 {
		return b
	}
	var out []byte
	for ; len(b) > 0; b = b[n:] {
		for i := n - 1; i >= 0; i-- {
			out = append(out, b[i])
		}
	}
	return out
}

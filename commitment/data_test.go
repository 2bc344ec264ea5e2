package commitment

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"jcsnode/dataset"
	"jcsnode/dimse"
)

var (
	ct  = Reference{"1.2.840.10008.5.1.4.1.1.2", "1.2.3"}
	seg = Reference{"1.2.840.10008.5.1.4.1.1.66.4", "1.2.34"}
)

func TestRoundTrip(t *testing.T) {
	for _, syntax := range Syntaxes() {
		asked := Request{"5.1", []Reference{ct, seg}}
		if got, err := DecodeRequest(bytes.NewReader(asked.Encode(syntax)), syntax); err != nil || !cmp.Equal(got, asked) {
			t.Errorf("request: %v, %v", got, err)
		}
		for name, report := range map[string]Result{
			"all":  {TransactionUID: "5.1", Committed: []Reference{ct, seg}},
			"some": {"5.1", []Reference{ct}, []Failure{{seg, dimse.StatusNoSuchInstance}}},
			"none": {TransactionUID: "5.1", Failed: []Failure{{ct, dimse.StatusProcessingFailure}, {seg, 0x0213}}},
		} {
			got, err := DecodeResult(bytes.NewReader(report.Encode(syntax)), syntax)
			if err != nil || !cmp.Equal(got, report) {
				t.Errorf("report, %s: %v, %v", name, got, err)
			}
			want := map[string]uint16{"all": EventAllCommitted}[name]
			if name == "all" && got.EventType() != want || name != "all" && got.EventType() != EventSomeFailed {
				t.Errorf("report, %s: event type %d", name, got.EventType())
			}
		}
	}
}

func TestDecode_Refusals(t *testing.T) {
	const syntax = dataset.ExplicitVRLittleEndian
	good := Request{"5.1", []Reference{ct}}.Encode(syntax)
	for name, data := range map[string][]byte{
		"no transaction":         Request{"", []Reference{ct}}.Encode(syntax),
		"no instances":           Request{"5.1", nil}.Encode(syntax),
		"instance without class": Request{"5.1", []Reference{{SOPInstanceUID: "1"}}}.Encode(syntax),
		"control character":      Request{"5.1", []Reference{{"1.2", "1\n2"}}}.Encode(syntax),
		"UID without end":        Request{"5.1", []Reference{{"1.2", strings.Repeat("1", 300)}}}.Encode(syntax),
		"cut":                    good[:30],
		"noise":                  []byte("GET / HTTP/1.1"),
		"nothing":                nil,
	} {
		if r, err := DecodeRequest(bytes.NewReader(data), syntax); err == nil {
			t.Errorf("request, %s: %+v", name, r)
		}
		if r, err := DecodeResult(bytes.NewReader(data), syntax); err == nil {
			t.Errorf("report, %s: %+v", name, r)
		}
	}
	if _, err := DecodeResult(bytes.NewReader(make([]byte, maxLength+2)), syntax); !errors.Is(err, ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	nameless := Result{TransactionUID: "5.1", Failed: []Failure{{Reference{"1.2", ""}, 0x0112}}}
	if r, err := DecodeResult(bytes.NewReader(nameless.Encode(syntax)), syntax); err == nil {
		t.Errorf("failure of no instance: %+v", r)
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add(Request{"5.1", []Reference{ct}}.Encode(dataset.ExplicitVRLittleEndian), true)
	f.Add(Request{"5.1", []Reference{ct, seg}}.Encode(dataset.ImplicitVRLittleEndian), false)
	f.Fuzz(func(t *testing.T, data []byte, explicit bool) {
		syntax := syntaxOf(explicit)
		asked, err := DecodeRequest(bytes.NewReader(data), syntax)
		if err != nil {
			return
		}
		if again, err := DecodeRequest(bytes.NewReader(asked.Encode(syntax)), syntax); err != nil || !cmp.Equal(asked, again) {
			t.Errorf("%+v became %+v, %v", asked, again, err)
		}
	})
}

func FuzzDecodeReport(f *testing.F) {
	f.Add(Result{"5.1", []Reference{ct}, []Failure{{seg, 0x0112}}}.Encode(dataset.ExplicitVRLittleEndian), true)
	f.Add(Result{TransactionUID: "5.1", Committed: []Reference{ct}}.Encode(dataset.ImplicitVRLittleEndian), false)
	f.Fuzz(func(t *testing.T, data []byte, explicit bool) {
		syntax := syntaxOf(explicit)
		r, err := DecodeResult(bytes.NewReader(data), syntax)
		if err != nil {
			return
		}
		if again, err := DecodeResult(bytes.NewReader(r.Encode(syntax)), syntax); err != nil || !cmp.Equal(r, again) {
			t.Errorf("%+v became %+v, %v", r, again, err)
		}
	})
}

func syntaxOf(explicit bool) string {
	if explicit {
		return dataset.ExplicitVRLittleEndian
	}
	return dataset.ImplicitVRLittleEndian
}

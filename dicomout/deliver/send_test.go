package deliver_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/suyashkumar/dicom/pkg/tag"

	"jcsnode/dataset"
	"jcsnode/dicomout/deliver"
	"jcsnode/dicomout/object"
	"jcsnode/dimse"
	"jcsnode/guard"
)

func destination(address string) deliver.Destination {
	return deliver.Destination{
		Name: "pacs", AETitle: "PACS", CallingAETitle: "JCSNODE", Address: address,
		Timeouts: dimse.Timeouts{Connect: 5 * time.Second, Request: 5 * time.Second, Response: 5 * time.Second, Release: 5 * time.Second},
	}
}

// items returns n small objects of a class, IDs from 1.
func items(t *testing.T, kind object.Kind, n int) []deliver.Item {
	t.Helper()
	out := make([]deliver.Item, n)
	for i := range out {
		uid := fmt.Sprintf("1.2.3.%d", i+1)
		file, err := object.Encode(kind, uid, dataset.ExplicitVRLittleEndian, []*object.Element{
			object.Text(tag.SOPClassUID, "UI", kind.SOPClassUID),
			object.Text(tag.SOPInstanceUID, "UI", uid),
			object.Raw(tag.PatientName, "PN", []byte("M\xfcller^\xc5sa")),
			object.Sequence(tag.SourceImageSequence, []*object.Element{object.Text(tag.ReferencedSOPInstanceUID, "UI", "1.2")}),
			object.PixelData("OB", bytes.Repeat([]byte{byte(i), 1, 2, 3}, 20_000)),
		})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = deliver.Item{
			ID: int64(i + 1), SOPClassUID: kind.SOPClassUID, SOPInstanceUID: uid, TransferSyntaxUID: dataset.ExplicitVRLittleEndian,
			Read: func() ([]byte, error) { return file, nil },
		}
	}
	return out
}

// send calls deliver.Send and returns the outcomes as "ID result retry attempted".
func send(t *testing.T, dest deliver.Destination, items []deliver.Item) (lines []string, outcomes []deliver.Outcome, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err = deliver.Send(ctx, dest, items, func(o deliver.Outcome) {
		tried := "tried"
		if !o.Attempted {
			tried = "not tried"
		}
		lines = append(lines, fmt.Sprintf("%d %s, %s, %s", o.Item.ID, o.Result, o.Retry, tried))
		outcomes = append(outcomes, o)
	})
	return lines, outcomes, err
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSend_OneAssociationForAllAndTheBytesArrive(t *testing.T) {
	p := &peer{}
	all := append(items(t, object.Segmentation, 2), items(t, object.Summary, 1)...)
	lines, outcomes, err := send(t, p.serve(t), all)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines, "1 sent, never, tried", "2 sent, never, tried", "1 sent, never, tried")
	for i, r := range p.received {
		file, _ := all[i].Read()
		body, _ := object.Body(file)
		if r.class != all[i].SOPClassUID || r.instance != all[i].SOPInstanceUID ||
			r.syntax != dataset.ExplicitVRLittleEndian || !bytes.Equal(r.body, body) {
			t.Errorf("instance %d arrived as %s %s in %s, body equal: %v", i, r.class, r.instance, r.syntax, bytes.Equal(r.body, body))
		}
		if !outcomes[i].Answered || outcomes[i].TransferSyntaxUID != dataset.ExplicitVRLittleEndian {
			t.Errorf("outcome %d: answered %v, in %q", i, outcomes[i].Answered, outcomes[i].TransferSyntaxUID)
		}
	}
	waitFor(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.closed) == 1 })
	if p.closed[0] != nil {
		t.Errorf("association ended with %v, want a release", p.closed[0])
	}
}

// waitFor waits for a condition that another goroutine brings about.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("condition did not come true within 10 s")
		}
	}
}

func TestSend_ReencodesForAPeerOfImplicitVR(t *testing.T) {
	p := &peer{syntaxes: []string{dataset.ImplicitVRLittleEndian}}
	all := items(t, object.Segmentation, 1)
	lines, outcomes, err := send(t, p.serve(t), all)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines, "1 sent, never, tried")
	file, _ := all[0].Read()
	implicit, err := object.Transcode(file, dataset.ImplicitVRLittleEndian)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := object.Body(implicit)
	if got := p.received[0]; got.syntax != dataset.ImplicitVRLittleEndian || !bytes.Equal(got.body, want) || len(want) < 80_000 {
		t.Fatalf("arrived in %s, %d bytes, want %d", got.syntax, len(got.body), len(want))
	}
	if outcomes[0].TransferSyntaxUID != dataset.ImplicitVRLittleEndian {
		t.Fatalf("outcome says %q", outcomes[0].TransferSyntaxUID)
	}
}

func TestSend_EachStatusIsItsOwnObjects(t *testing.T) {
	statuses := []dimse.Status{0xA700, 0x0000, 0xB007, 0xC123, 0x0111, 0x0110, 0x0000}
	p := &peer{answer: func(n int, _ net.Conn, _ context.Context) (dimse.Status, string) {
		return statuses[n], fmt.Sprintf("comment %d", n)
	}}
	lines, outcomes, err := send(t, p.serve(t), items(t, object.Summary, len(statuses)))
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines,
		"1 temporary, slow, tried", "2 sent, never, tried", "3 sent with warning, never, tried", "4 permanent, never, tried",
		"5 sent with warning, never, tried", "6 temporary, few, tried", "7 sent, never, tried")
	for i, o := range outcomes {
		if o.Status != statuses[i] || o.Comment != fmt.Sprintf("comment %d", i) || !strings.Contains(o.Text, o.Comment) {
			t.Errorf("outcome %d: status %v, comment %q, text %q", i+1, o.Status, o.Comment, o.Text)
		}
	}
}

func TestSend_ClassOrSyntaxNotAccepted(t *testing.T) {
	for _, c := range []struct {
		name string
		peer *peer
		text string
		want []string
	}{
		{"one class", &peer{refused: object.SegmentationStorage}, "the class",
			[]string{"1 permanent, never, tried", "1 sent, never, tried"}},
		{"no syntax of ours", &peer{syntaxes: []string{dataset.JPEGLosslessSV1}}, "transfer syntaxes",
			[]string{"1 permanent, never, tried", "1 permanent, never, tried"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, outcomes, err := send(t, c.peer.serve(t), append(items(t, object.Segmentation, 1), items(t, object.Summary, 1)...))
			if err != nil {
				t.Fatal(err)
			}
			wantLines(t, lines, c.want...)
			if o := outcomes[0]; !strings.Contains(o.Text, c.text) || o.Answered || o.TransferSyntaxUID != "" {
				t.Fatalf("outcome %+v, want text with %q and no answer", o, c.text)
			}
		})
	}
}

func TestSend_EncapsulatedObjectIsNotReencoded(t *testing.T) {
	all := items(t, object.LabelMap, 1)
	all[0].TransferSyntaxUID = dataset.RLELossless
	all[0].Read = func() ([]byte, error) { t.Error("object was read for nothing"); return nil, errors.New("unused") }
	lines, _, err := send(t, (&peer{}).serve(t), all)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines, "1 permanent, never, tried")
}

func TestSend_AssociationRejected(t *testing.T) {
	for _, c := range []struct {
		rejection dimse.Rejection
		retry     deliver.Retry
	}{
		{dimse.Rejection{Result: 2, Source: 3, Reason: 2}, deliver.RetrySoon},
		{dimse.Rejection{Result: 1, Source: 1, Reason: 7}, deliver.RetryProbe},
		{dimse.Rejection{Result: 1, Source: 1, Reason: 1}, deliver.RetryFewSlow},
	} {
		t.Run(c.rejection.Error(), func(t *testing.T) {
			p := &peer{admit: func(dimse.Requestor) error { return &c.rejection }}
			lines, _, err := send(t, p.serve(t), items(t, object.Summary, 2))
			var rejection *dimse.Rejection
			if !errors.As(err, &rejection) || rejection.Reason != c.rejection.Reason {
				t.Fatalf("error %v, want the rejection", err)
			}
			wantLines(t, lines, fmt.Sprintf("1 temporary, %s, not tried", c.retry), fmt.Sprintf("2 temporary, %s, not tried", c.retry))
		})
	}
}

func TestSend_NobodyListens(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	lines, outcomes, err := send(t, destination(address), items(t, object.Summary, 1))
	if err == nil {
		t.Fatal("no error")
	}
	wantLines(t, lines, "1 temporary, soon, not tried")
	if !strings.Contains(outcomes[0].Text, "connection failed") || outcomes[0].Remedy == "" {
		t.Fatalf("outcome %+v", outcomes[0].Verdict)
	}
}

func TestSend_AssociationDiesMidway(t *testing.T) {
	for _, c := range []struct {
		name string
		die  func(net.Conn, context.Context) (dimse.Status, string)
		text string
	}{
		{"abort by the peer", func(conn net.Conn, _ context.Context) (dimse.Status, string) {
			_, _ = conn.Write([]byte{7, 0, 0, 0, 0, 4, 0, 0, 0, 0})
			conn.Close()
			return dimse.StatusSuccess, ""
		}, "aborted"},
		{"connection closed", func(conn net.Conn, _ context.Context) (dimse.Status, string) {
			conn.Close()
			return dimse.StatusSuccess, ""
		}, "connection failed"},
		{"no answer", func(_ net.Conn, ctx context.Context) (dimse.Status, string) {
			<-ctx.Done()
			return dimse.StatusSuccess, ""
		}, "in time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &peer{answer: func(n int, conn net.Conn, ctx context.Context) (dimse.Status, string) {
				if n == 2 {
					return c.die(conn, ctx)
				}
				return dimse.StatusSuccess, ""
			}}
			dest := p.serve(t)
			dest.Timeouts.Response = 300 * time.Millisecond
			lines, outcomes, err := send(t, dest, items(t, object.Summary, 5))
			if err == nil {
				t.Fatal("no error")
			}
			wantLines(t, lines, "1 sent, never, tried", "2 sent, never, tried", "3 temporary, alone, tried",
				"4 sent, never, tried", "5 sent, never, tried")
			if o := outcomes[2]; !strings.Contains(o.Text, c.text) || o.Answered {
				t.Fatalf("outcome %+v, want text with %q and no answer", o, c.text)
			}
		})
	}
}

// A peer that is ill for every object is left in peace after a few; one that is ill for some objects gets all the others.
func TestSend_ObjectsThatEndAssociations(t *testing.T) {
	for _, c := range []struct {
		name string
		ends func(n int) bool // counting what arrives
		want []string
	}{
		{"every object", func(int) bool { return true },
			[]string{"1 temporary, alone, tried", "2 temporary, alone, tried", "3 temporary, alone, tried",
				"4 temporary, soon, not tried", "5 temporary, soon, not tried", "6 temporary, soon, not tried"}},
		{"every second object", func(n int) bool { return n%2 == 0 }, []string{"1 temporary, alone, tried", "2 sent, never, tried",
			"3 temporary, alone, tried", "4 sent, never, tried", "5 temporary, alone, tried", "6 sent, never, tried"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var admitted atomic.Int32
			p := &peer{admit: func(dimse.Requestor) error { admitted.Add(1); return nil }}
			p.answer = func(n int, conn net.Conn, _ context.Context) (dimse.Status, string) {
				if c.ends(n) {
					conn.Close()
				}
				return dimse.StatusSuccess, ""
			}
			lines, _, err := send(t, p.serve(t), items(t, object.Summary, 6))
			if err == nil {
				t.Error("no error")
			}
			wantLines(t, lines, c.want...)
			if n := admitted.Load(); n > 4 {
				t.Errorf("%d associations", n)
			}
		})
	}
}

func TestSend_StopsWhenTold(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	p := &peer{answer: func(n int, _ net.Conn, ctx context.Context) (dimse.Status, string) {
		if n == 1 {
			cancel()
			<-ctx.Done()
		}
		return dimse.StatusSuccess, ""
	}}
	var got []deliver.Result
	err := deliver.Send(ctx, p.serve(t), items(t, object.Summary, 3), func(o deliver.Outcome) { got = append(got, o.Result) })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want context.Canceled", err)
	}
	if want := []deliver.Result{deliver.Sent, deliver.Temporary, deliver.Temporary}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestSend_UnreadableObjectDoesNotStopTheOthers(t *testing.T) {
	all := items(t, object.Summary, 3)
	all[1].Read = func() ([]byte, error) { return nil, errors.New("input/output error") }
	p := &peer{}
	lines, outcomes, err := send(t, p.serve(t), all)
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, lines, "1 sent, never, tried", "2 temporary, few, tried", "3 sent, never, tried")
	if !strings.Contains(outcomes[1].Text, "input/output error") {
		t.Fatalf("text %q", outcomes[1].Text)
	}
}

func TestSend_TLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // only for its certificate, which is for 127.0.0.1
	web.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(web.Certificate())
	for _, c := range []struct {
		name       string
		client     *tls.Config
		want, text string
	}{
		{"trusted", &tls.Config{RootCAs: trusted}, "1 sent, never, tried", "stored"},
		{"not trusted", &tls.Config{RootCAs: x509.NewCertPool()}, "1 temporary, probe, not tried", "not trusted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dest := (&peer{tls: &tls.Config{Certificates: web.TLS.Certificates}}).serve(t)
			dest.TLS = c.client
			lines, outcomes, _ := send(t, dest, items(t, object.Summary, 1))
			wantLines(t, lines, c.want)
			if !strings.Contains(outcomes[0].Text, c.text) {
				t.Fatalf("text %q, want %q in it", outcomes[0].Text, c.text)
			}
		})
	}
}

func TestSend_ObjectThatMakesUsPanicDoesNotStopTheOthersForEver(t *testing.T) {
	all := items(t, object.Summary, 3)
	all[0].Read = func() ([]byte, error) { panic("index out of range") }
	dest := (&peer{}).serve(t)
	lines, outcomes, err := send(t, dest, all)
	var p *guard.Panic
	if !errors.As(err, &p) || len(p.Stack) == 0 {
		t.Errorf("error %v, want the panic with its stack", err)
	}
	wantLines(t, lines, "1 temporary, few, tried", "2 sent, never, tried", "3 sent, never, tried") // over another association
	if !strings.Contains(outcomes[0].Text, "index out of range") {
		t.Errorf("text %q", outcomes[0].Text)
	}
}

func TestSend_NothingToSendDialsNobody(t *testing.T) {
	err := deliver.Send(context.Background(), destination("127.0.0.1:1"), nil, func(deliver.Outcome) { t.Error("reported") })
	if err != nil {
		t.Fatal(err)
	}
}

package web

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
	"jcsnode/web/picture"
)

// Nothing is shown to whoever has not logged in, under any address.
func TestNothingWithoutLogin(t *testing.T) {
	d := newDesk(t, nil)
	for _, path := range []string{"/", "/studies", "/studies/1.2", "/studies/1.2?slice=1", "/nowhere"} {
		r := d.ask("GET", path, nil, nil)
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "/login?next="+url.QueryEscape(path) {
			t.Errorf("%s: %s to %s", path, r.Status, r.Header.Get("Location"))
		}
	}
	script := func(r *http.Request) { r.Header.Set("Accept", "*/*") }
	for _, path := range []string{"/live", "/studies/1.2/findings.json", "/studies/1.2/1/summary.png", "/studies/1.2/1/1/ct.png"} {
		if r := d.ask("GET", path, nil, script); r.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	act := url.Values{"action": {Echo}, "of": {"pacs"}}
	if r := d.ask("POST", "/act", act, nil); r.StatusCode != http.StatusUnauthorized || len(*d.asked) > 0 {
		t.Errorf("an action: %s, %v", r.Status, *d.asked)
	}
	for _, wrong := range []url.Values{{"name": {"ann"}, "password": {"wrong"}}, {"name": {foreign}, "password": {password}}, {}} {
		r := d.ask("POST", "/login", wrong, nil)
		if text := body(t, r); r.StatusCode != http.StatusUnauthorized || strings.Contains(text, foreign) || len(r.Cookies()) > 0 {
			t.Errorf("%v: %s\n%s", wrong, r.Status, text)
		}
	}
}

// After the login somebody is where they wanted to go, and never on another site.
func TestLogin_GoesOn(t *testing.T) {
	d := newDesk(t, nil)
	for next, want := range map[string]string{"/studies?state=reported": "/studies?state=reported", "": "/", "https://evil.example": "/",
		"//evil.example": "/", "/\\evil.example": "/", "javascript:alert(1)": "/"} {
		r := d.ask("POST", "/login", url.Values{"name": {"ann"}, "password": {password}, "next": {next}}, nil)
		if r.Header.Get("Location") != want {
			t.Errorf("%q leads to %q", next, r.Header.Get("Location"))
		}
	}
	ann := d.as(t, "ann")
	if r := d.ask("POST", "/logout", nil, ann); r.StatusCode != http.StatusSeeOther {
		t.Error(r.Status)
	}
	if r := d.ask("GET", "/", nil, ann); r.StatusCode != http.StatusSeeOther {
		t.Errorf("after the logout: %s", r.Status)
	}
}

// What a scanner wrote is text on every page.
func TestForeignText(t *testing.T) {
	d := newDesk(t, nil)
	bob := d.as(t, "bob")
	for _, path := range []string{"/", "/studies", "/studies?find=" + url.QueryEscape(foreign), "/studies?from=" + url.QueryEscape(foreign),
		"/studies/1.2", "/studies/" + url.PathEscape(foreign), "/" + url.PathEscape(foreign)} {
		text := body(t, d.ask("GET", path, nil, bob))
		if strings.Contains(text, "<script>alert") || strings.Contains(text, `"><script`) {
			t.Errorf("%s holds a script:\n%s", path, text)
		}
		if !strings.Contains(path, "%") && !strings.Contains(text, "&lt;script&gt;") {
			t.Errorf("%s does not show what was written:\n%s", path, text)
		}
	}
	answer := body(t, d.ask("POST", "/act", url.Values{"action": {Echo}, "of": {foreign}}, bob))
	if strings.Contains(answer, "<script>alert") || !strings.Contains(answer, "done for bob") {
		t.Error(answer)
	}
}

func TestHeaders(t *testing.T) {
	d := newDesk(t, nil)
	for _, path := range []string{"/login", "/", "/static/page.js", "/nowhere"} {
		h := d.ask("GET", path, nil, nil).Header
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; " +
			"img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if path != "/static/page.js" && h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept: %q", path, h.Get("Cache-Control"))
		}
	}
	if r := d.ask("GET", "/static/..%2fpages%2fframe.html", nil, nil); r.StatusCode != http.StatusNotFound {
		t.Error(r.Status)
	}
}

func TestOtherSites(t *testing.T) {
	d := newDesk(t, nil)
	bob := d.as(t, "bob")
	act := url.Values{"action": {Echo}, "of": {"pacs"}}
	form := func(text string) func(*http.Request) {
		return func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(text)) }
	}
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   int
	}{
		"our own form":      {func(*http.Request) {}, http.StatusOK},
		"a form of another": {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, http.StatusForbidden},
		"of the same site":  {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, http.StatusForbidden},
		"of an old browser": {func(r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "http://evil.example")
		}, http.StatusForbidden},
		"under another name":  {func(r *http.Request) { r.Host = "evil.example" }, http.StatusMisdirectedRequest},
		"too much":            {form("of=" + strings.Repeat("x", 1<<20)), http.StatusRequestEntityTooLarge},
		"what is no action":   {form("action=shutdown&of=pacs"), http.StatusBadRequest},
		"what is no study":    {form("action=read-again&of=../x"), http.StatusBadRequest},
		"by somebody unknown": {func(r *http.Request) { r.Header.Del("Cookie") }, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			*d.asked = nil
			r := d.ask("POST", "/act", act, func(r *http.Request) { bob(r); c.change(r) })
			if r.StatusCode != c.want || (len(*d.asked) == 1) != (c.want == http.StatusOK) {
				t.Errorf("%s, want %d; %v", r.Status, c.want, *d.asked)
			}
		})
	}
	if r := d.ask("GET", "/act?action=echo&of=pacs", nil, bob); r.StatusCode == http.StatusOK || len(*d.asked) > 1 {
		t.Errorf("a link acts: %s", r.Status)
	}
	ann := d.as(t, "ann")
	*d.asked = nil
	if r := d.ask("POST", "/act", act, ann); r.StatusCode != http.StatusForbidden || len(*d.asked) > 0 {
		t.Errorf("who may look acts: %s", r.Status)
	}
	if text := body(t, d.ask("GET", "/", nil, ann)); strings.Contains(text, `action="/act"`) {
		t.Error("who may look is offered actions")
	}
}

func TestOverview(t *testing.T) {
	d := newDesk(t, nil)
	text := body(t, d.ask("GET", "/", nil, d.as(t, "bob")))
	for _, want := range []string{"IN TROUBLE since", "29 objects wait", ">try all now<", ">preflight<",
		"2 notifications for ris: given up", "330 mL, 12 % of the lungs",
		"pacs 40 of 42, 2 given up",
		"only 100 mm of the chest was read", "Research use only."} {
		if !strings.Contains(text, want) {
			t.Errorf("the overview lacks %q:\n%s", want, text)
		}
	}
}

// The limits of a decision stand beside it, before all else.
func TestStudy_LimitsFirst(t *testing.T) {
	d := newDesk(t, nil)
	text := body(t, d.ask("GET", "/studies/1.2", nil, d.as(t, "ann")))
	at := -1
	for _, want := range []string{"POSITIVE", "weights of the networks are preliminary", "LIMIT:", "only 100 mm", "CAUTION:",
		"findings.json", "What arrived"} {
		i := strings.Index(text[max(at, 0):], want)
		if i < 0 {
			t.Fatalf("%q does not come after what stands before it:\n%s", want, text)
		}
		at = max(at, 0) + i
	}
	r := d.ask("GET", "/studies/1", nil, d.as(t, "ann"))
	if r.Header.Get("Location") != "/studies/1.2" {
		t.Errorf("the beginning of a UID: %s to %s", r.Status, r.Header.Get("Location"))
	}
	r = d.ask("GET", "/studies/1.2/findings.json", nil, d.as(t, "ann"))
	if !json.Valid([]byte(body(t, r))) || r.Header.Get("Content-Disposition") != `attachment; filename="findings.json"` {
		t.Errorf("%s %v", r.Status, r.Header)
	}
	for _, path := range []string{"/studies/3.4", "/studies/..%2f..%2fetc", "/studies/1.2/1/summary.png", "/studies/1.2/1/9/ct.png",
		"/studies/1.2/7/1/ct.png", "/studies/1.2/1/1/x.png", "/studies/1.2/1/-1/ct.png"} {
		if r := d.ask("GET", path, nil, d.as(t, "ann")); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
}

func TestStudies_Form(t *testing.T) {
	d := newDesk(t, nil)
	ann := d.as(t, "ann")
	day := time.Date(2026, 11, 30, 0, 0, 0, 0, time.Local)
	for query, want := range map[string]ledger.Filter{
		"":                               {},
		"state=reported&result=positive": {State: "reported", Result: "positive"},
		"deliveries=failed":              {Delivery: "failed"},
		"state=x&result=y&skip=-1":       {},
		"deliveries=sent":                {},
		"scanner=CT_A&find=1.2":          {CallingAE: "CT_A", StudyUID: "1.2"},
		"find=A-100":                     {Accession: "A-100"},
		"find=4711":                      {Accession: "4711"},
		"from=2026-11-30&to=2026-11-30":  {From: day, To: day.AddDate(0, 0, 1)},
		"skip=50":                        {Offset: 50},
	} {
		want.Limit, want.Identifiers = pageLength, true
		text := body(t, d.ask("GET", "/studies?"+query, nil, ann))
		if *d.views.filter != want {
			t.Errorf("%s asks for %+v, want %+v", query, *d.views.filter, want)
		}
		if !strings.Contains(text, `rel="next"`) {
			t.Errorf("%s leads nowhere on:\n%s", query, text)
		}
	}
}

func TestFaults(t *testing.T) {
	d := newDesk(t, func(s *Settings, _ *access.Settings) {
		v := s.Views.(views)
		v.err = errors.New("disk full of /secrets")
		s.Views = v
		s.Act = func(context.Context, string, Action) (Answer, error) { panic("a fault") }
	})
	bob := d.as(t, "bob")
	for _, path := range []string{"/", "/studies"} {
		r := d.ask("GET", path, nil, bob)
		if text := body(t, r); r.StatusCode != http.StatusInternalServerError || strings.Contains(text, "secrets") {
			t.Errorf("%s: %s\n%s", path, r.Status, text)
		}
	}
	if r := d.ask("POST", "/act", url.Values{"action": {Echo}, "of": {"x"}}, bob); r.StatusCode != http.StatusInternalServerError {
		t.Error(r.Status)
	}
}

// Those who watch are told of changes over a real connection, and the page ends when the node does.
func TestLive(t *testing.T) {
	d := newDesk(t, func(_ *Settings, a *access.Settings) { a.Everybody = true })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	r, err := http.Get("http://" + l.Addr().String() + "/live")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() && lines.Text() != "event: change" {
	}
	if lines.Text() != "event: change" || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("no change is told: %q, %v", lines.Text(), lines.Err())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	for range mostWatchers {
		if _, _, ok := d.live.join(); !ok {
			break
		}
	}
	if _, _, ok := d.live.join(); ok {
		t.Error("any number may watch")
	}
}

func TestGallery(t *testing.T) {
	study := positive(t)
	found, err := readFindings(&study.Revisions[0])
	if err != nil {
		t.Fatal(err)
	}
	one, two := picture.Place{SOPInstanceUID: "1.2.1"}, picture.Place{SOPInstanceUID: "1.2.2"}
	places := map[string][]picture.Place{"o/2": {two}, "o/a2": {two}, "o/x": {{SOPInstanceUID: "9"}}, "o/seg": {one, two},
		"o/label": {two, one},
		"o/maps":  {two, one}, "o/lungs": {one, two, one}}
	for name, c := range map[string]struct {
		objects  []named
		one, two map[string]layer
	}{
		"single pictures": {[]named{{"outline", "o/2"}, {"activation", "o/a2"}, {"activation", "o/x"}, {"report", "o/seg"}},
			map[string]layer{}, map[string]layer{"outline": {"outline", "o/2", []int{0}}, "activation": {"activation", "o/a2", []int{0}}}},
		"what pictures leave out": {[]named{{"labelmap", "o/label"}, {"seg", "o/seg"}, {"outline", "o/2"}, {"pmap", "o/x"}},
			map[string]layer{"outline": {"seg", "o/seg", []int{0}}}, map[string]layer{"outline": {"outline", "o/2", []int{0}}}},
		"objects of all slices": {[]named{{"labelmap-plain", "o/seg"}, {"activation-multiframe", "o/maps"}, {"lungs", "o/lungs"}},
			map[string]layer{"outline": {"labelmap-plain", "o/seg", []int{0}}, "activation": {"activation-multiframe", "o/maps", []int{1}},
				"lungs": {"lungs", "o/lungs", []int{0, 2}}},
			map[string]layer{"outline": {"labelmap-plain", "o/seg", []int{1}}, "activation": {"activation-multiframe", "o/maps", []int{0}},
				"lungs": {"lungs", "o/lungs", []int{1}}}},
	} {
		g := &gallery{of: "1.2", base: "/studies/1.2/1/", found: found}
		files := []string{"inbox/a", "inbox/b"}
		err := g.hang(func(i int) string { return files[i] }, append(c.objects, named{"summary", "o/s"}),
			func(name string) ([]picture.Place, error) { return places[name], nil })
		if err != nil {
			t.Fatal(err)
		}
		if g.summaryLink() != "/studies/1.2/1/summary.png" || len(g.shots) != 2 || g.lungs != g.shots[0].Has("lungs") {
			t.Errorf("%s: %+v", name, g)
		}
		if s := g.shots[1]; s.slice != "inbox/b" || s.Base != "/studies/1.2/1/2/" || !reflect.DeepEqual(s.layers, c.two) {
			t.Errorf("%s: %+v", name, s)
		}
		if s := g.shots[0]; !reflect.DeepEqual(s.layers, c.one) {
			t.Errorf("%s: %+v", name, s)
		}
		if s := g.scroll("x"); s.Shown.Number != 2 || s.Previous != 1 || s.Next != 0 {
			t.Errorf("%s: shown is %+v", name, s)
		}
	}
	var kept galleries
	for i := range 2 * galleriesKept {
		kept.keep(&gallery{of: strings.Repeat("1", i+1)})
	}
	if len(kept.kept) != galleriesKept || kept.find("1") != nil || kept.find(strings.Repeat("1", 2*galleriesKept)) == nil {
		t.Errorf("%d galleries are kept", len(kept.kept))
	}
}

// A role that no living node has is what somebody should see to.
func TestAlerts_ARoleThatIsNobodys(t *testing.T) {
	o := status.Overview{Running: status.Running{State: status.Runs}}
	if got := alerts(o); len(got) > 0 {
		t.Errorf("of a good node: %+v", got)
	}
	o.Lacks = []status.Lack{{Role: "read", Waits: 2, Text: "nobody reads: 2 studies wait"}}
	if got := alerts(o); len(got) != 1 || !strings.Contains(got[0].Text, "nobody reads: 2 studies wait. What to do: start a node") {
		t.Errorf("%+v", got)
	}
}

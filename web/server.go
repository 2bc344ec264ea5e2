package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"jcsnode/ledger"
	"jcsnode/status"
	"jcsnode/web/access"
	"jcsnode/web/picture"
	"jcsnode/web/try"
)

// Views is what pages ask of the node; a status.Reader answers.
type Views interface {
	Overview(ctx context.Context) (status.Overview, error)
	Studies(ctx context.Context, f ledger.Filter) (status.StudyList, error)
	Study(ctx context.Context, uid string) (status.Study, error)
}

// Identifier is what a study is known by beside its UID, as far as the site shows it.
type Identifier struct{ Name, Value string }

// Settings of a Server.
type Settings struct {
	Views     Views
	Pictures  *picture.Drawer
	Guard     *access.Guard
	Act       func(ctx context.Context, user string, a Action) (Answer, error)
	Identify  func(ctx context.Context, name string) ([]Identifier, error) // of an instance in the store; nil: UIDs alone
	ViewerURL func(studyUID string) string                                 // nil: there is no viewer
	Try       *try.Desk                                                    // takes studies to try; nil: nobody does
	Logger    *slog.Logger
	Poll      time.Duration // how often the views are looked at for those who watch
}

// Limits of what a client may take. A page has some twenty requests, a study's pictures come one after the other.
const (
	mostConnections = 200
	mostForm        = 16 << 10 // bytes of a form
	mostHeader      = 16 << 10
	headerTime      = 10 * time.Second
	readTime        = 30 * time.Second
	writeTime       = 2 * time.Minute
	actTime         = 90 * time.Second // a PACS that does not answer
	idleTime        = 2 * time.Minute
)

// Server answers requests.
type Server struct {
	Settings
	live      *live
	galleries galleries
	routes    http.Handler
}

// NewServer makes a server; Run keeps those who watch up to date.
func NewServer(set Settings) *Server {
	s := &Server{Settings: set}
	s.live = newLive(s.glance, set.Poll)
	mux := http.NewServeMux()
	mux.Handle("GET /static/{name}", http.HandlerFunc(serveStatic))
	mux.Handle("GET /login", s.open(s.loginPage))
	mux.Handle("POST /login", s.open(s.login))
	mux.Handle("POST /logout", s.open(s.logout))
	mux.Handle("GET /{$}", s.closed(s.overview))
	mux.Handle("GET /studies", s.closed(s.studies))
	mux.Handle("GET /studies/{uid}", s.closed(s.study))
	mux.Handle("GET /studies/{uid}/findings.json", s.closed(s.findings))
	mux.Handle("GET /studies/{uid}/{revision}/summary.png", s.closed(s.summary))
	mux.Handle("GET /studies/{uid}/{revision}/{slice}/{layer}", s.closed(s.layer))
	mux.Handle("POST /act", s.closed(s.act))
	mux.Handle("GET /live", s.closed(s.watch))
	if set.Try != nil {
		s.routeTry(mux)
	}
	mux.Handle("/", s.closed(func(http.ResponseWriter, *http.Request, access.User) error { return errNotHere }))
	s.routes = mux
	return s
}

// errOtherSite is the answer to a form that was not shown here.
var errOtherSite = &access.Refusal{Status: http.StatusForbidden, Text: "This form was sent by another site: nothing was done. " +
	"If it was this one, a proxy before it must pass the Host header on."}

// errMayNotAct is the answer to who may look alone.
var errMayNotAct = &access.Refusal{Status: http.StatusForbidden,
	Text: "You may look, and not act. The operator of this node can change that: jcsnode user add NAME --role act."}

// errNotHere is the answer where there is no page.
var errNotHere = &access.Refusal{Status: http.StatusNotFound, Text: "There is no such page."}

// notMade is all that a page says of what is wrong with the node.
const notMade = "This page could not be made; the log of the node says why."

// policy says that scripts, styles and pictures come from here alone, and that nobody frames the page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'"

// ServeHTTP looks at a request before anything of the node is asked.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.Logger.Error("a page failed", "panic", p, "stack", string(debug.Stack()))
			http.Error(w, "This page failed; the log of the node says why.", http.StatusInternalServerError)
		}
	}()
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if err := s.Guard.CheckHost(r); err != nil {
		s.fail(w, r, err)
		return
	}
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		s.fail(w, r, errOtherSite)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.mostBody(r))
	s.routes.ServeHTTP(w, r)
}

// open answers whoever asks.
func (s *Server) open(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f(w, r); err != nil {
			s.fail(w, r, err)
		}
	})
}

// closed answers those who may look.
func (s *Server) closed(f func(http.ResponseWriter, *http.Request, access.User) error) http.Handler {
	return s.open(func(w http.ResponseWriter, r *http.Request) error {
		user, err := s.Guard.Who(r)
		if err != nil {
			return err
		}
		return f(w, r, user)
	})
}

// fail answers with what is wrong. What is wrong with the node is for its log; a page says no more than that.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refusal *access.Refusal
	var tooLarge *http.MaxBytesError
	var untried *try.Refusal
	switch {
	case errors.Is(err, access.ErrLogin) && r.Method == http.MethodGet && asksForPage(r):
		http.Redirect(w, r, "/login?next="+queryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	case errors.Is(err, access.ErrLogin):
		refusal = &access.Refusal{Status: http.StatusUnauthorized, Text: "You are not logged in, or no longer. Nothing was done."}
	case errors.As(err, &refusal):
	case errors.As(err, &untried):
		refusal = &access.Refusal{Status: untried.Status, Text: untried.Text}
	case errors.Is(err, ledger.ErrNotFound):
		refusal = &access.Refusal{Status: http.StatusNotFound, Text: err.Error()}
	case errors.As(err, &tooLarge):
		refusal = &access.Refusal{Status: http.StatusRequestEntityTooLarge, Text: "That is too much for this page."}
	case r.Context().Err() != nil:
		return // nobody waits for the answer
	default:
		s.Logger.Error("a page could not be made", "path", r.URL.Path, "error", err)
		refusal = &access.Refusal{Status: http.StatusInternalServerError, Text: notMade}
	}
	if !asksForPage(r) {
		http.Error(w, refusal.Text, refusal.Status)
		return
	}
	s.render(w, refusal.Status, "message", frame{Title: titleOf(refusal.Status)}, newMessage(refusal))
}

// message is a page that says why there is no other.
type message struct {
	Text     string
	Link, To string // what to do next; empty: nothing here
}

func newMessage(r *access.Refusal) message {
	switch r.Status {
	case http.StatusUnauthorized:
		return message{r.Text, "Log in", "/login"}
	case http.StatusMisdirectedRequest:
		return message{Text: r.Text}
	}
	return message{r.Text, "Overview", "/"}
}

// titleOf names a status of HTTP for people.
func titleOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "Log in"
	case http.StatusForbidden:
		return "Not allowed"
	case http.StatusNotFound:
		return "Not found"
	case http.StatusMisdirectedRequest:
		return "Another name"
	case http.StatusRequestEntityTooLarge:
		return "Too much"
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return "Not now"
	case http.StatusInternalServerError:
		return "Something is wrong with the node"
	}
	return http.StatusText(status)
}

// Run serves on a listener, which may speak TLS, until ctx ends.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    mostHeader,
		ErrorLog:          slog.NewLogLogger(s.Logger.Handler(), slog.LevelDebug), // what strangers send is no news
		BaseContext:       func(net.Listener) context.Context { return serving },
	}
	watched := make(chan struct{})
	go func() { defer close(watched); s.live.run(serving, s.Logger) }()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(limit(l, mostConnections)) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = server.Close() // whoever watches would stay for ever
		<-ended
	}
	stop()
	<-watched
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the page: %w", err)
	}
	return nil
}

package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Settings of a Server.
type Settings struct {
	Views        Views
	Meter        *Meter
	LedgerBytes  func() int64
	FarStore     func() (waiting int, takes bool) // files that have to go to a store elsewhere, and whether it takes them; nil without one
	BeforeAnswer bool                             // an instance is answered when that store has it
	Allowed      []netip.Prefix
	Draining     func() bool // the node takes no associations any more
	Logger       *slog.Logger
}

// Server answers a monitoring system.
type Server struct {
	set    Settings
	routes *http.ServeMux
}

// NewServer makes a server.
func NewServer(set Settings) *Server {
	registry := prometheus.NewRegistry()
	registry.MustRegister(&collector{set.Views, set.LedgerBytes, set.FarStore, set.Logger}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(set.Meter.collectors()...)
	s := &Server{set: set, routes: http.NewServeMux()}
	s.routes.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2}))
	s.routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "lives") })
	s.routes.HandleFunc("GET /readyz", s.ready)
	return s
}

// ServeHTTP answers those who may ask.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !slices.ContainsFunc(s.set.Allowed, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) }) {
		http.Error(w, "[metrics] allowed_networks does not name you", http.StatusForbidden)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	s.routes.ServeHTTP(w, r)
}

// ready says whether the node takes studies now: 503 at the reserve of the disk, while the ledger cannot be written, while a store that
// must have them before they are answered is away, and while it stops.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), scrapeTime)
	defer cancel()
	o, err := s.set.Views.Overview(ctx)
	why := ""
	switch {
	case s.set.Draining():
		why = "stopping"
	case err != nil:
		s.set.Logger.Warn("not ready: the views of the node cannot be read", "error", err)
		why = "the ledger does not answer"
	case o.Counts.Fault != "":
		why = "the ledger cannot be written"
	case o.Disk != nil && o.Disk.ReadOnly:
		why = "the disk is read only"
	case o.Disk != nil && o.Disk.Refuses:
		why = "the disk is full up to node.reserve"
	case s.set.BeforeAnswer && !s.storeTakes():
		why = "the object store does not take files, and store.before_answer is true"
	}
	if why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}

func (s *Server) storeTakes() bool {
	_, takes := s.set.FarStore()
	return takes
}

// Run serves on a listener until ctx ends.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.set.Logger.Handler(), slog.LevelDebug), // what strangers send is no news
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = server.Close()
		<-ended
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// Package overview is the page on which an operator sees how the gateway is, at night too: the first line says whether all is
// well, and if not, what is wrong and where to look. It counts nothing itself: it reads what package metrics has counted.
package overview

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"stagedoor/internal/metrics"
)

const (
	// window is the time that "lately" means, sampleEvery how fine it is kept.
	window      = 5 * time.Minute
	sampleEvery = 10 * time.Second
	// readyTimeout bounds one check whether the gateway is ready, as on /readyz.
	readyTimeout = 2 * time.Second
)

// The query with which the page does not come anew by itself, and how often it does otherwise, in seconds.
const (
	refreshParam = "refresh"
	refreshOff   = "off"
	refreshEvery = "10"
)

// Options are what a Page tells of.
type Options struct {
	Version, Commit string
	// Store names the kind of session store.
	Store string
	// Profiler tells whether the listener has Go's profiler, to which the page then leads.
	Profiler bool
	// Metrics is where all figures come from.
	Metrics *metrics.Metrics
	// Ready and Log are what /readyz asks, of the gateway and of its log: an error says what is not ready, a remark, of one or more
	// lines, what else the operator should know. Their words are shown as they are. Log may be nil.
	Ready func(ctx context.Context) (remark string, err error)
	Log   func() (remark string, err error)
	// APIRoutes are the prefixes of the routes that call Spotify's Web API. GateReason says in a sentence without its end why no
	// calls leave at present; empty when they may. Either may be nil.
	APIRoutes  func() []string
	GateReason func() string
	// Sessions tells about how many sessions there are, Replicas how many gateways share the store. They are called when
	// the page is requested, every 30 s at most.
	Sessions, Replicas func(ctx context.Context) (int, error)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Page is the page. It is an http.Handler and safe for concurrent use.
type Page struct {
	options  Options
	started  time.Time
	sessions lazyCount
	replicas lazyCount

	mu   sync.Mutex // guards past
	past []metrics.Reading
}

// New makes the page of a gateway that starts now.
func New(o Options) *Page {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Page{options: o, started: o.Now(), sessions: lazyCount{count: o.Sessions}, replicas: lazyCount{count: o.Replicas}}
	p.sample()
	return p
}

// Run records the figures now and then, until ctx ends: without it, "lately" means since the start.
func (p *Page) Run(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.sample()
		}
	}
}

// sample keeps the figures of now, and of older ones those that are needed: the youngest that is as old as the window
// is where the window begins.
func (p *Page) sample() {
	reading, err := p.options.Metrics.Read(p.options.Now())
	if err != nil {
		return // a scrape tells
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.past = append(p.past, reading)
	for len(p.past) > 1 && reading.At.Sub(p.past[1].At) >= window {
		p.past = p.past[1:]
	}
}

func (p *Page) windowBegin() (metrics.Reading, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.past) == 0 {
		return metrics.Reading{}, false
	}
	return p.past[0], true
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := p.options.Now()
	reading, err := p.options.Metrics.Read(now)
	begin, known := p.windowBegin()
	if err != nil || !known {
		http.Error(w, "The figures cannot be read; /metrics says why.", http.StatusInternalServerError)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	s := state{
		options: p.options, started: p.started, now: reading, begin: begin,
		store: p.options.Metrics.StoreHealth(), tokens: p.options.Metrics.TokenHealth(), failures: p.options.Metrics.Failures(),
	}
	s.remark, s.storeNotReady = p.options.Ready(ctx)
	s.notReady = s.storeNotReady
	if p.options.Log != nil {
		remark, err := p.options.Log()
		s.remark, s.notReady = s.remark+"\n"+remark, errors.Join(s.storeNotReady, err)
	}
	if p.options.GateReason != nil {
		s.gate = p.options.GateReason()
	}
	down := s.storeNotReady != nil // then the page would only wait for the store
	s.sessions, s.replicas = p.sessions.about(ctx, now, down), p.replicas.about(ctx, now, down)
	v := s.view()
	v.Paused = r.URL.Query().Get(refreshParam) == refreshOff
	if !v.Paused {
		w.Header().Set("Refresh", refreshEvery) // the page comes anew without a script
	}
	frame.Write(w, r, http.StatusOK, v.Title, v.document())
}

package limit

import "sync/atomic"

// InFlight bounds how many requests are served at a time, and apart from them how many streams. A request that turns into a
// stream takes no place of a request any more, so that streams cannot keep requests out. It is safe for concurrent use. The zero
// value has no bounds.
type InFlight struct {
	requests, upstream, held places
}

// places are a number of places; a limit of zero means that there is no limit.
type places struct{ taken, limit atomic.Int64 }

func (p *places) take() bool {
	for {
		taken, limit := p.taken.Load(), p.limit.Load()
		if limit > 0 && taken >= limit {
			return false
		}
		if p.taken.CompareAndSwap(taken, taken+1) {
			return true
		}
	}
}

func (p *places) leave() { p.taken.Add(-1) }

// Configure takes other bounds into use. What is beyond them now stays until it ends.
func (f *InFlight) Configure(c Capacity) {
	f.requests.limit.Store(int64(c.Requests))
	f.upstream.limit.Store(int64(c.Streams))
	f.held.limit.Store(int64(c.Held))
}

// Requests returns how many requests are served now, and how many may be; zero means any number.
func (f *InFlight) Requests() (now, limit int64) {
	return f.requests.taken.Load(), f.requests.limit.Load()
}

// Begin takes a place for a request; it is false when all are taken. The Place must be left.
func (f *InFlight) Begin() (Place, bool) {
	if !f.requests.take() {
		return Place{}, false
	}
	return Place{home: f, request: true}, true
}

// Place is what one request has of an InFlight. It belongs to the goroutine that serves the request; the zero value is none.
type Place struct {
	home                    *InFlight
	request, upstream, held bool
}

// Stream turns the place of a request into one of a stream. The stream may hold a connection to an upstream, and it may be the
// only one on its client's connection, which nobody else can use then. It is false, and changes nothing, when there are too many
// streams of this kind.
func (p *Place) Stream(upstream, held bool) bool {
	if p.home == nil || !p.request {
		return true
	}
	if upstream && !p.home.upstream.take() {
		return false
	}
	if held && !p.home.held.take() {
		if upstream {
			p.home.upstream.leave()
		}
		return false
	}
	p.home.requests.leave()
	p.request, p.upstream, p.held = false, upstream, held
	return true
}

// Leave gives the place back. Twice is fine.
func (p *Place) Leave() {
	if p.request {
		p.home.requests.leave()
	}
	if p.upstream {
		p.home.upstream.leave()
	}
	if p.held {
		p.home.held.leave()
	}
	*p = Place{}
}

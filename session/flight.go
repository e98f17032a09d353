package session

import "sync"

// flights are the refreshes under way in this process, at most one for each session.
type flights struct {
	mu      sync.Mutex // guards running
	running map[string]*flight
}

// flight is one refresh, which any number of requests wait for. They wait for its token, not for its end: during an outage
// of the store a flight with a token goes on, and gives the token to requests that arrive meanwhile. So none of them
// begins another refresh with a refresh token that may be spent.
type flight struct {
	known chan struct{} // closed once token and err are set
	once  sync.Once
	token Token
	err   error
}

func newFlights() *flights { return &flights{running: map[string]*flight{}} }

// join returns the flight of a session, and begins it when there is none.
func (f *flights) join(key string, begin func(*flight)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if running := f.running[key]; running != nil {
		return running
	}
	begun := &flight{known: make(chan struct{})}
	f.running[key] = begun
	begin(begun)
	return begun
}

// land ends a flight. It publishes the outcome after that, so that a request that retries because of it begins another flight.
func (f *flights) land(key string, ended *flight, token Token, err error) {
	f.mu.Lock()
	delete(f.running, key)
	f.mu.Unlock()
	ended.tell(token, err)
}

// tell lets the waiting requests go on; the first outcome counts.
func (f *flight) tell(token Token, err error) {
	f.once.Do(func() {
		f.token, f.err = token, err
		close(f.known)
	})
}

package session

import "sync"

// flights are the refreshes under way in this process, at most one for each session.
type flights struct {
	mu      sync.Mutex // guards running
	running map[string]*flight
}

// flight is one refresh, which any number of requests wait for. What they wait for is the token, not the end: a flight
// whose token is known goes on while the store is away, and hands the token to whoever comes meanwhile, so that nobody
// asks for another with a refresh token that may be spent.
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

// land ends a flight. Only then its outcome is told, so that whoever asks again because of it begins another.
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

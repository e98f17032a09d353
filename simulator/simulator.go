package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Options says what a simulator knows from the start. Only Clients is needed.
type Options struct {
	// Clients are the registered apps. Without one, no login works.
	Clients []Client
	// Users are the people who may consent; nil means SampleUsers.
	Users []User
	// TokenLifetime is how long an access token is good, in whole seconds; zero means one hour.
	TokenLifetime time.Duration
	// Implicit allows response_type=token, which Spotify ended on 2025-11-27.
	Implicit bool
	// Now is the clock that tokens, codes and the player live by; nil means time.Now. Delays of faults run on timers.
	Now func() time.Time
	// APIBase begins every href, next and previous, such as https://api.spotify.com/v1; empty means the address by
	// which each request came, and /v1.
	APIBase string
	// PublicURL is the origin by which browsers reach the simulator; images and external_urls lie below it. Empty
	// means the address by which each request came.
	PublicURL string
	// Remember is how many requests Seen keeps, the newest; zero means 10,000.
	Remember int
	// Log is called once for each answered request of the accounts and the API side, possibly by several goroutines at
	// once; nil means none.
	Log func(Seen)
}

// Server is the simulator. It is an http.Handler and safe for concurrent use.
type Server struct {
	options Options
	users   map[string]*User
	order   []*User // as in Options.Users
	songs   *catalogue
	faults  *faultList
	journal *journal
	control http.Handler
	closed  chan struct{}
	closing sync.Once

	mu       sync.Mutex // guards what follows
	clients  map[string]Client
	ahead    time.Duration
	decision *Consent
	mode     RefreshMode
	uncached bool // no Cache-Control and no ETag
	limit    RateLimit
	meters   map[string]*meter // by client, and by what has a limit of its own
	accounts *accounts
	world    *world
}

// New makes a simulator, or says what is wrong with the options.
func New(o Options) (*Server, error) {
	if o.TokenLifetime == 0 {
		o.TokenLifetime = time.Hour
	}
	if o.TokenLifetime < time.Second {
		return nil, fmt.Errorf("the token lifetime %v is too short; give at least 1s", o.TokenLifetime)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Users == nil {
		o.Users = SampleUsers()
	}
	if o.Remember == 0 {
		o.Remember = 10_000
	}
	o.APIBase, o.PublicURL = strings.TrimSuffix(o.APIBase, "/"), strings.TrimSuffix(o.PublicURL, "/")
	s := &Server{
		options: o,
		clients: map[string]Client{},
		users:   map[string]*User{},
		songs:   newCatalogue(),
		closed:  make(chan struct{}),
	}
	for _, c := range o.Clients {
		if err := s.register(c); err != nil {
			return nil, err
		}
	}
	for _, u := range o.Users {
		if u.ID == "" || s.users[u.ID] != nil {
			return nil, fmt.Errorf("the user id %q is empty or taken; give every user an id of their own", u.ID)
		}
		s.users[u.ID] = &u
		s.order = append(s.order, &u)
	}
	s.journal = newJournal(o.Remember)
	s.faults = &faultList{closed: s.closed}
	s.control = s.controlHandler()
	s.Reset()
	return s, nil
}

// register checks a client and takes it in.
func (s *Server) register(c Client) error {
	if _, taken := s.clients[c.ID]; taken || c.ID == "" {
		return fmt.Errorf("the client id %q is empty or taken; give every client an id of its own", c.ID)
	}
	for _, uri := range c.RedirectURIs {
		if err := checkRedirectURI(uri); err != nil {
			return fmt.Errorf("client %s: %w", c.ID, err)
		}
	}
	s.clients[c.ID] = c
	return nil
}

// client finds a registered app.
func (s *Server) client(id string) (Client, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, known := s.clients[id]
	return c, known
}

// errNoUser and errNoClient are the faults of a knob that names somebody unknown.
var (
	errNoUser   = errors.New("there is no such user; GET /_simulator/users lists them")
	errNoClient = errors.New("there is no such client; name one of Options.Clients")
)

// ServeHTTP serves both sides, the index page and the control API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.EscapedPath(); {
	case path == "/authorize":
		s.exchange(w, r, SideAccounts, s.authorize)
	case path == "/api/token":
		s.exchange(w, r, SideAccounts, s.token)
	case path == "/v1" || strings.HasPrefix(path, "/v1/"):
		s.exchange(w, r, SideAPI, s.api)
	case strings.HasPrefix(path, "/_simulator/"):
		s.control.ServeHTTP(w, r)
	case path == "/":
		s.index(w, r)
	default:
		s.writePage(w, http.StatusNotFound, messagePage{
			Title: "Nothing here",
			Text:  "The simulator answers at /authorize, /api/token, /v1 and /_simulator/. Its index page is at /.",
		})
	}
}

// Close lets go of every request that a fault holds. It may be called before or after the listener closes, and twice.
func (s *Server) Close() { s.closing.Do(func() { close(s.closed) }) }

// now is the simulator's time.
func (s *Server) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nowLocked()
}

func (s *Server) nowLocked() time.Time { return s.options.Now().Add(s.ahead) }

package proxy

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/proxy/policy"
	"stagedoor/secret"
	"stagedoor/session"
)

const (
	ourCookie   = "stagedoor"
	loginCookie = "stagedoor-login"
	firstToken  = "first-access-token"
	secondToken = "second-access-token"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// anyAuth takes every path and method below /auth/.
type anyAuth struct{ http.Handler }

// errorKey is where a handler leaves the error that is to be answered.
type errorKey struct{}

func (a anyAuth) Serve(w http.ResponseWriter, r *http.Request) error {
	var err error
	a.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), errorKey{}, &err)))
	return err
}

func (anyAuth) Check(*http.Request) error { return nil }

// Guarded guards all but reads, and reads of what is about the session.
func (anyAuth) Guarded(r *http.Request) bool {
	return r.Method != "GET" && r.Method != "HEAD" || strings.HasPrefix(r.URL.Path, "/auth/session")
}

// fakeSessions knows everybody who carries the cookie "stagedoor".
type fakeSessions struct {
	mu       sync.Mutex
	findErr  error
	tokenErr error
	replace  func(rejected session.Token) (session.Token, error)
	rejected []string
	replaced int
	account  *session.Session // of "radio"; nil means one like a user's
}

func (f *fakeSessions) Find(r *http.Request) (*session.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.findErr != nil {
		return nil, f.findErr
	}
	if _, err := r.Cookie(ourCookie); err != nil {
		return nil, session.ErrNoSession
	}
	return new(session.Session), nil
}

func (f *fakeSessions) App(context.Context) (*session.Session, error) {
	return new(session.Session), nil
}

func (f *fakeSessions) Account(_ context.Context, name string) (*session.Session, error) {
	if name != "radio" {
		return nil, session.ErrNoSession
	}
	if f.account != nil {
		return f.account, nil
	}
	return new(session.Session), nil
}

func (f *fakeSessions) Token(context.Context, *session.Session, time.Duration) (session.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return session.Token{Access: secret.New(firstToken)}, f.tokenErr
}

func (f *fakeSessions) Replace(_ context.Context, _ *session.Session, rejected session.Token) (session.Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.replaced++
	if f.replace != nil {
		return f.replace(rejected)
	}
	return session.Token{Access: secret.New(secondToken)}, nil
}

func (f *fakeSessions) MarkRejected(_ *session.Session, token session.Token) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rejected = append(f.rejected, token.Access.Reveal())
}

func (f *fakeSessions) Again(_ context.Context, s *session.Session) (*session.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return s, f.findErr
}

func (f *fakeSessions) SealNews(_ *session.Session, plain []byte) ([]byte, error) { return plain, nil }

func (f *fakeSessions) OpenNews(_ *session.Session, sealed []byte) ([]byte, error) {
	return sealed, nil
}

func (f *fakeSessions) Label(r *http.Request) string {
	if _, err := r.Cookie(ourCookie); err != nil {
		return ""
	}
	return "0badcafe"
}

func (f *fakeSessions) CookieNames() []string {
	return []string{ourCookie, loginCookie, loginCookie + "-*"}
}

// received is a request as an upstream saw it.
type received struct {
	*http.Request
	body string
}

// upstream is a server that remembers what it received.
type upstream struct {
	*httptest.Server
	mu       sync.Mutex
	handler  http.HandlerFunc
	requests []received
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{handler: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			u.mu.Lock()
			u.requests = append(u.requests, received{r, string(body)})
			u.mu.Unlock()
		}
		u.mu.Lock()
		handler := u.handler
		u.mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) answer(handler http.HandlerFunc) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.handler = handler
}

func (u *upstream) all() []received {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.requests
}

// one returns the only request that came.
func (u *upstream) one(t *testing.T) received {
	t.Helper()
	all := u.all()
	if len(all) != 1 {
		t.Fatalf("the upstream received %d requests, want 1", len(all))
	}
	return all[0]
}

// stage is a gateway on a real listener between a client and two upstreams.
type stage struct {
	t        *testing.T
	public   string // public_url
	addr     string
	api      *upstream
	frontend *upstream
	sessions *fakeSessions
	auth     http.HandlerFunc
	logs     *observer.ObservedLogs
	logged   chan struct{} // gets one for each line
	server   *httptest.Server
}

const (
	listedOrigin  = "https://app.example"
	foreignOrigin = "https://evil.example"
)

func newStage(t *testing.T, adjust ...func(*Options)) *stage {
	t.Helper()
	s := &stage{t: t, api: newUpstream(t), frontend: newUpstream(t), sessions: &fakeSessions{}}
	s.auth = func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "auth "+r.Method+" "+r.URL.Path)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	s.logs = logs
	s.logged = make(chan struct{}, 1000)
	s.server = httptest.NewUnstartedServer(nil)
	s.server.Config.Protocols = new(http.Protocols)
	s.server.Config.Protocols.SetHTTP1(true)
	s.server.Config.Protocols.SetUnencryptedHTTP2(true)
	s.addr = s.server.Listener.Addr().String()
	o := Options{
		Server: DefaultServerConfig(),
		Routes: []Route{
			{Path: "/api/", Upstream: UpstreamSpotify, Credentials: CredentialsUser},
			{Path: "/", Upstream: s.frontend.URL, Credentials: CredentialsNone},
		},
		APIURL:   s.api.URL + "/v1",
		Sessions: s.sessions,
		Auth:     anyAuth{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.auth(w, r) })},
		Log:      zap.New(core, zap.Hooks(func(zapcore.Entry) error { s.logged <- struct{}{}; return nil })),
		Version:  "1.2.3",
	}
	o.Server.PublicURL = "http://" + s.addr
	o.Server.AllowedOrigins = []string{listedOrigin}
	transport := NewTransport(DefaultUpstreamConfig())
	t.Cleanup(transport.CloseIdleConnections)
	o.Transport = transport
	for _, f := range adjust {
		f(&o)
	}
	gateway, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.public = o.Server.PublicURL
	s.server.Config.Handler = gateway
	s.server.Start()
	t.Cleanup(s.server.Close)
	return s
}

// header makes a header from "Name: value" lines.
func header(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// loggedIn is the header of a script with a session.
func loggedIn(lines ...string) http.Header {
	h := header(lines...)
	h.Add("Cookie", ourCookie+"=secret-session-id")
	h.Set(policy.ScriptHeader, "1")
	return h
}

// answered is a whole answer.
type answered struct {
	*http.Response
	body string
}

// do sends a request as it is: no redirects, no compression of the client's own.
func (s *stage) do(method, path string, h http.Header, body io.Reader) answered {
	s.t.Helper()
	r, err := http.NewRequest(method, "http://"+s.addr+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	maps.Copy(r.Header, h)
	return s.send(r)
}

func (s *stage) send(r *http.Request) answered {
	s.t.Helper()
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{res, string(text)}
}

func (s *stage) get(path string, h http.Header) answered {
	s.t.Helper()
	return s.do("GET", path, h, nil)
}

// raw writes bytes to the gateway and reads one answer.
func (s *stage) raw(text string) answered {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answered{res, string(body)}
}

// refused wants an answer of the gateway's own.
func (a answered) rejected(t *testing.T, status int, reason string) {
	t.Helper()
	if got := a.Header.Get("Stagedoor-Reason"); a.StatusCode != status || got != reason {
		t.Errorf("answer %d %q (%s), want %d %q", a.StatusCode, got, a.body, status, reason)
	}
}

func (a answered) ok(t *testing.T, status int) {
	t.Helper()
	if got := a.Header.Get("Stagedoor-Reason"); a.StatusCode != status || got != "" {
		t.Errorf("answer %d %q (%s), want %d", a.StatusCode, got, a.body, status)
	}
}

// accessLine waits for the access line of the n-th request: it is written when the client has its answer already.
func (s *stage) accessLine(n int) observer.LoggedEntry {
	s.t.Helper()
	late := time.After(patience)
	for {
		lines := s.logs.FilterMessage("request").All()
		if len(lines) > n {
			return lines[n]
		}
		select {
		case <-s.logged:
		case <-late:
			s.t.Fatalf("there are %d access lines, want %d", len(lines), n+1)
		}
	}
}

// rawAnswer answers byte for byte, and hangs up.
func rawAnswer(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err) // net/http's own server lets it happen
		}
		_, _ = io.WriteString(connection, text) // the gateway may have left
		_ = connection.Close()
	}
}

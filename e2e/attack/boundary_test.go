package attack

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// boundary is where attacks on what crosses the gateway take place: two gateways over one Redis, one of which speaks TLS,
// so that one session is good at both; and a frontend that remembers what it was told.
type boundary struct {
	*stage.World
	t        *testing.T
	frontend *frontendWitness
	session  string // the id in the visitor's cookie
	seen     int    // the number of the last request at Spotify that a test has seen
	ways     []way
}

// The paths of the boundary's API routes: everything, and two paths alone.
const (
	boundaryRoute = stage.UserRoute
	narrowRoute   = `{path: /narrow/, upstream: spotify, credentials: user, allow: [me, "me/player"]}`
)

// tlsOrigin is the public_url of the gateway that speaks TLS.
const tlsOrigin = "https://gateway.example"

func newBoundary(t *testing.T) *boundary {
	t.Helper()
	b := &boundary{t: t, frontend: newFrontendWitness(t)}
	o := stage.Options{
		Spotify: "scopes: [user-read-private, user-read-playback-state, user-modify-playback-state, " +
			"playlist-modify-private, playlist-read-private]",
		Routes: fmt.Sprintf("\n  - %s\n  - %s\n  - {path: /, upstream: %q}\n", boundaryRoute, narrowRoute,
			b.frontend.server.URL),
	}
	b.World = stage.NewWorld(t, o)
	v := b.Visitor()
	v.Login("ada")
	public, err := url.Parse(b.Balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range v.Client.Jar.Cookies(public) {
		if cookie.Name == "stagedoor" {
			b.session = cookie.Value
		}
	}

	cert, key, roots := stage.SelfSigned(t)
	o.PublicURL, o.Server = tlsOrigin, fmt.Sprintf("tls: {cert_file: %q, key_file: %q}", cert, key)
	config := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, config, b.Config(o, ""))
	encrypted := stage.StartProcess(t, config)
	b.Replicas = append(b.Replicas, encrypted)

	plain := way{origin: b.Balancer.URL, address: b.Replicas[0].Listen, cookie: "stagedoor=" + b.session}
	safe := way{origin: tlsOrigin, address: encrypted.Listen, cookie: "__Host-Http-stagedoor=" + b.session, roots: roots}
	plain.name, safe.name = "HTTP/1.1", "HTTP/1.1 over TLS"
	b.ways = []way{plain, safe}
	plain.name, plain.http2, safe.name, safe.http2 = "h2c", true, "HTTP/2 over TLS", true
	b.ways = append(b.ways, plain, safe)
	if seen := b.Spotify.Seen(simulator.Filter{}); len(seen) > 0 {
		b.seen = seen[len(seen)-1].Number
	}
	b.control(b.ways...)
	return b
}

// aftermath is what came of an attack.
type aftermath struct {
	answers  []stage.Answer // none for a connection or a stream that was closed
	spotify  []simulator.Seen
	frontend []visit
}

// watch carries out an attack, one at a time, and returns what came of it.
func (b *boundary) watch(attack func() []stage.Answer) aftermath {
	visits := b.frontend.count()
	o := aftermath{answers: attack()}
	o.spotify, o.frontend = b.Spotify.Seen(simulator.Filter{After: b.seen}), b.frontend.since(visits)
	if n := len(o.spotify); n > 0 {
		b.seen = o.spotify[n-1].Number
	}
	return o
}

// send watches one request with the session's cookie.
func (b *boundary) send(w way, r request) aftermath {
	b.t.Helper()
	return b.watch(func() []stage.Answer {
		b.t.Helper()
		return w.send(b.t, r)
	})
}

// control makes an ordinary call by each way, so that whatever is refused is known to have come to the right door.
func (b *boundary) control(ways ...way) {
	b.t.Helper()
	for _, w := range ways {
		for path, target := range map[string]string{"/api/me": "/v1/me", "/narrow/me/player": "/v1/me/player"} {
			o := b.send(w, request{method: http.MethodGet, target: path})
			if o.status() >= 400 || !o.left(http.MethodGet, target) || len(b.breaches(o)) > 0 {
				b.t.Fatalf("an ordinary call of %s by %s: %v", path, w.name, o)
			}
		}
		if o := b.send(w, request{method: http.MethodGet, target: "/page"}); o.status() != 200 || len(o.frontend) != 1 {
			b.t.Fatalf("an ordinary page by %s: %v", w.name, o)
		}
	}
}

// breaches are what must never happen, whatever was sent: a breach at Spotify, our secrets at the frontend, an answer that
// blames a server, and a bearer in an answer.
func (b *boundary) breaches(o aftermath) []string {
	found := breaches(o.spotify)
	secrets := append(b.Bearers(), b.session)
	holds := func(text string) bool {
		return slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(text, secret) })
	}
	for _, v := range o.frontend {
		if holds(v.target + fmt.Sprint(v.header)) {
			found = append(found, "the frontend learned a secret: "+v.target)
		}
	}
	for _, a := range o.answers {
		if a.Status >= 500 && a.Status != http.StatusNotImplemented && a.Status != http.StatusHTTPVersionNotSupported {
			found = append(found, fmt.Sprintf("the gateway blames a server: %d", a.Status))
		}
		if holds(a.Body + fmt.Sprint(a.Header)) {
			found = append(found, "the answer holds a secret")
		}
	}
	return found
}

// status is that of the first answer; 0 without one.
func (o aftermath) status() int {
	if len(o.answers) == 0 {
		return 0
	}
	return o.answers[0].Status
}

// refused tells whether nothing came through: the connection or the stream was closed, or every answer says no.
func (o aftermath) refused() bool {
	return len(o.spotify) == 0 && len(o.frontend) == 0 &&
		!slices.ContainsFunc(o.answers, func(a stage.Answer) bool { return a.Status < 400 })
}

// left tells whether Spotify has seen exactly these, pairs of method and target.
func (o aftermath) left(requests ...string) bool {
	var seen []string
	for _, s := range o.spotify {
		seen = append(seen, s.Method, s.Target)
	}
	return slices.Equal(seen, requests)
}

func (o aftermath) String() string {
	var text strings.Builder
	for _, a := range o.answers {
		_, _ = fmt.Fprintf(&text, "answered %d %s %.200q; ", a.Status, a.Reason(), a.Body)
	}
	for _, s := range o.spotify {
		_, _ = fmt.Fprintf(&text, "Spotify saw %s %s; ", s.Method, s.Target)
	}
	for _, v := range o.frontend {
		_, _ = fmt.Fprintf(&text, "the frontend saw %s %s; ", v.method, v.target)
	}
	return stage.Or(text.String(), "closed without an answer")
}

// visit is a request that a frontend saw.
type visit struct {
	method, target, host string
	header               http.Header
}

// frontendWitness is a frontend that remembers its visits, those whose body came whole, and answers 200.
type frontendWitness struct {
	server *httptest.Server

	mu     sync.Mutex // guards visits
	visits []visit
}

func newFrontendWitness(t testing.TB) *frontendWitness {
	f := &frontendWitness{}
	f.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return // no more than the begin of a request, as at Spotify
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.visits = append(f.visits, visit{r.Method, r.RequestURI, r.Host, r.Header.Clone()})
	}))
	t.Cleanup(f.server.Close)
	return f
}

func (f *frontendWitness) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.visits)
}

// since returns the visits after the first n.
func (f *frontendWitness) since(n int) []visit {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.visits[n:])
}

package stage

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// Visitor is somebody with a browser of their own: a client with a cookie jar.
type Visitor struct {
	T      testing.TB
	W      *World
	Origin string // where it goes: the public URL, unless a test has something in between
	Client *http.Client
}

// Visitor makes a browser without cookies.
func (w *World) Visitor() *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.T.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	w.T.Cleanup(transport.CloseIdleConnections)
	return &Visitor{T: w.T, W: w, Origin: w.Balancer.URL, Client: &http.Client{Jar: jar, Transport: transport}}
}

// Answer is what came back, read to its end.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Reason is the gateway's own; empty when the answer is not the gateway's.
func (a Answer) Reason() string { return a.Header.Get("Stagedoor-Reason") }

// Summary is the status, and the reason if there is one.
func (a Answer) Summary() string { return strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Reason())) }

// Expect wants a status and a reason, which is empty for an answer that is not the gateway's, and texts in the body.
func (a Answer) Expect(t testing.TB, what string, status int, reason string, texts ...string) {
	t.Helper()
	if a.Status != status || a.Reason() != reason {
		t.Errorf("%s: answered %d %s, want %d %s: %.300s", what, a.Status, a.Reason(), status, reason, a.Body)
	}
	for _, text := range texts {
		if !strings.Contains(a.Body, text) {
			t.Errorf("%s: %q is not in %.1000s", what, text, a.Body)
		}
	}
}

// Decode reads the body as JSON.
func (a Answer) Decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("%v in %q", err, a.Body)
	}
}

// Do sends a request to the public URL as a page's fetch() would, and follows redirects.
func (v *Visitor) Do(method, path, body string, headers ...string) Answer {
	v.T.Helper()
	a, err := v.Try(method, path, body, headers...)
	if err != nil {
		v.T.Fatal(err)
	}
	return a
}

// Try is do for goroutines, which must not end the test.
func (v *Visitor) Try(method, path, body string, headers ...string) (Answer, error) {
	request, err := http.NewRequest(method, v.Origin+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if method != http.MethodGet && method != http.MethodHead {
		request.Header.Set("Origin", v.Origin)
	}
	return v.send(request, headers)
}

// send sends a request with these headers, names and values in turns, and reads the whole answer.
func (v *Visitor) send(request *http.Request, headers []string) (Answer, error) {
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.Client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}, err
}

// Get asks for a path as a script does; headers are names and values in turns.
func (v *Visitor) Get(path string, headers ...string) Answer {
	v.T.Helper()
	return v.Do(http.MethodGet, path, "", headers...)
}

// Step sends a navigation and returns where it leads without going there.
func (v *Visitor) Step(url string) (location string, a Answer) {
	v.T.Helper()
	client := *v.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Get(url)
	if err != nil {
		v.T.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.T.Fatal(err)
	}
	if next, err := response.Location(); err == nil {
		location = next.String()
	}
	return location, Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// Login logs in as one of the simulator's users, without a person at the consent page.
func (v *Visitor) Login(user string) {
	v.T.Helper()
	if err := v.W.Spotify.SetConsent(simulator.Consent{User: user}); err != nil {
		v.T.Fatal(err)
	}
	if a := v.Get("/auth/login"); a.Status != http.StatusOK {
		v.T.Fatalf("the login of %s ended with %d %s", user, a.Status, a.Body)
	}
	if got := v.Status(); got.User.ID != user {
		v.T.Fatalf("logged in as %q, want %q", got.User.ID, user)
	}
}

// Status is what GET /auth/session answers.
type Status struct {
	Authenticated bool
	Reason        string
	User          struct{ ID string }
	Scopes        []string
}

// Status is what GET /auth/session says.
func (v *Visitor) Status() Status {
	v.T.Helper()
	a := v.Get("/auth/session")
	if a.Status != http.StatusOK {
		v.T.Fatalf("GET /auth/session answered %d %s", a.Status, a.Body)
	}
	var s Status
	a.Decode(v.T, &s)
	return s
}

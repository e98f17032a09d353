package e2e

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

// visitor is somebody with a browser of their own: a client with a cookie jar.
type visitor struct {
	t      testing.TB
	w      *world
	origin string // where it goes: the public URL, unless a test has something in between
	client *http.Client
}

func (w *world) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t: w.t, w: w, origin: w.balancer.URL, client: &http.Client{Jar: jar, Transport: transport}}
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// reason is the gateway's own; empty when the answer is not the gateway's.
func (a answer) reason() string { return a.header.Get("Stagedoor-Reason") }

// summary is the status, and the reason if there is one.
func (a answer) summary() string { return strings.TrimSpace(fmt.Sprint(a.status, " ", a.reason())) }

// expect wants a status and a reason, which is empty for an answer that is not the gateway's, and texts in the body.
func (a answer) expect(t testing.TB, what string, status int, reason string, texts ...string) {
	t.Helper()
	if a.status != status || a.reason() != reason {
		t.Errorf("%s: answered %d %s, want %d %s: %.300s", what, a.status, a.reason(), status, reason, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s: %q is not in %.1000s", what, text, a.body)
		}
	}
}

// decode reads the body as JSON.
func (a answer) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
}

// do sends a request to the public URL as a page's fetch() would, and follows redirects.
func (v *visitor) do(method, path, body string, headers ...string) answer {
	v.t.Helper()
	a, err := v.try(method, path, body, headers...)
	if err != nil {
		v.t.Fatal(err)
	}
	return a
}

// try is do for goroutines, which must not end the test.
func (v *visitor) try(method, path, body string, headers ...string) (answer, error) {
	request, err := http.NewRequest(method, v.origin+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if method != http.MethodGet && method != http.MethodHead {
		request.Header.Set("Origin", v.origin)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}, err
}

func (v *visitor) get(path string, headers ...string) answer {
	v.t.Helper()
	return v.do(http.MethodGet, path, "", headers...)
}

// step sends a navigation and returns where it leads without going there.
func (v *visitor) step(url string) (location string, a answer) {
	v.t.Helper()
	client := *v.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Get(url)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	if next, err := response.Location(); err == nil {
		location = next.String()
	}
	return location, answer{status: response.StatusCode, header: response.Header, body: string(text)}
}

// login logs in as one of the simulator's users, without a person at the consent page.
func (v *visitor) login(user string) {
	v.t.Helper()
	if err := v.w.spotify.SetConsent(simulator.Consent{User: user}); err != nil {
		v.t.Fatal(err)
	}
	if a := v.get("/auth/login"); a.status != http.StatusOK {
		v.t.Fatalf("the login of %s ended with %d %s", user, a.status, a.body)
	}
	if got := v.status(); got.User.ID != user {
		v.t.Fatalf("logged in as %q, want %q", got.User.ID, user)
	}
}

// status is what GET /auth/session answers.
type status struct {
	Authenticated bool
	Reason        string
	User          struct{ ID string }
	Scopes        []string
}

func (v *visitor) status() status {
	v.t.Helper()
	a := v.get("/auth/session")
	if a.status != http.StatusOK {
		v.t.Fatalf("GET /auth/session answered %d %s", a.status, a.body)
	}
	var s status
	a.decode(v.t, &s)
	return s
}

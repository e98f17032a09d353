package simulator_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/simulator"
)

const (
	callback = "http://127.0.0.1:8080/auth/callback"
	verifier = "a-verifier-of-at-least-forty-three-characters~."
)

var allScopes = strings.Fields(`ugc-image-upload user-read-playback-state user-modify-playback-state
	user-read-currently-playing playlist-read-private playlist-read-collaborative playlist-modify-private
	playlist-modify-public user-follow-modify user-follow-read user-top-read user-read-recently-played
	user-library-modify user-library-read user-read-email user-read-private`)

// clock is a time that only tests move.
type clock struct {
	mu sync.Mutex // guards now
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// stage is a simulator behind a real listener, and a client that follows no redirects.
type stage struct {
	*simulator.Server
	t     *testing.T
	url   string
	http  *http.Client
	clock *clock
}

func newStage(t *testing.T, change func(*simulator.Options)) *stage {
	t.Helper()
	c := &clock{at: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}
	options := simulator.Options{
		Now: c.now,
		Clients: []simulator.Client{
			{ID: "gateway", Name: "The Gateway", Secret: "s3cret", RedirectURIs: []string{callback}},
			{ID: "page", RedirectURIs: []string{"http://127.0.0.1/cb?x=1", "http://[::1]/cb", "https://app.example/cb"}},
		},
	}
	if change != nil {
		change(&options)
	}
	s, err := simulator.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.Close) // first: lets go of what hangs
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &stage{Server: s, t: t, url: server.URL, clock: c, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// reply is an answer with its body read.
type reply struct {
	*http.Response
	body string
}

func (r reply) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.body), into); err != nil {
		t.Fatalf("%d %q is no JSON: %v", r.StatusCode, r.body, err)
	}
}

// fields is the body as a JSON object.
func (r reply) fields(t *testing.T) map[string]any {
	t.Helper()
	var fields map[string]any
	r.json(t, &fields)
	return fields
}

func (s *stage) do(r *http.Request) reply {
	s.t.Helper()
	a, err := s.try(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func (s *stage) try(r *http.Request) (reply, error) {
	response, err := s.http.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return reply{response, string(body)}, err
}

// request makes a request of the simulator; headers are name and value in turn.
func (s *stage) request(method, path, body string, headers ...string) *http.Request {
	s.t.Helper()
	var content io.Reader = http.NoBody
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, content)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// api calls the Web API with a token.
func (s *stage) api(token, method, path, body string, headers ...string) reply {
	s.t.Helper()
	return s.do(s.request(method, "/v1"+path, body, append(headers, "Authorization", "Bearer "+token)...))
}

// basic is the Authorization of the confidential client.
func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// token calls the token endpoint as the confidential client, unless form names another one.
func (s *stage) token(form url.Values) reply {
	s.t.Helper()
	r := s.request("POST", "/api/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if !form.Has("client_id") {
		r.Header.Set("Authorization", basic("gateway", "s3cret"))
	}
	return s.do(r)
}

func (s *stage) refresh(token string) reply {
	s.t.Helper()
	return s.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// grant gives the confidential client tokens of a user, with all scopes.
func (s *stage) grant(user string) simulator.Tokens {
	s.t.Helper()
	tokens, err := s.Authorize("gateway", user, allScopes...)
	if err != nil {
		s.t.Fatal(err)
	}
	return tokens
}

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestNewRefusesWhatSpotifyWouldNotRegister(t *testing.T) {
	for _, uri := range []string{
		"http://localhost:8080/cb", "https://localhost/cb", "http://app.localhost/cb", "http://app.example/cb",
		"http://127.0.0.2/cb", "app://cb", "/cb", "", "https://app.example/*", "https://app.example/#x",
		"https://me@app.example/", "http://[::2]/",
	} {
		_, err := simulator.New(simulator.Options{Clients: []simulator.Client{{ID: "a", RedirectURIs: []string{uri}}}})
		if err == nil {
			t.Errorf("%q was registered", uri)
		}
	}
	for name, o := range map[string]simulator.Options{
		"client twice":   {Clients: []simulator.Client{{ID: "a"}, {ID: "a"}}},
		"nameless user":  {Users: []simulator.User{{}}},
		"short lifetime": {TokenLifetime: time.Millisecond},
	} {
		if _, err := simulator.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestIndexSaysWhatThisIs(t *testing.T) {
	s := newStage(t, nil)
	a := s.do(s.request("GET", "/", ""))
	for _, want := range []string{"simulator", "not Spotify", s.url + "/v1", "gateway", "api-429"} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the index page does not say %q", want)
		}
	}
	if strings.Contains(a.body, "s3cret") {
		t.Error("the index page shows a client secret")
	}
	if a := s.do(s.request("GET", "/elsewhere", "")); a.StatusCode != 404 {
		t.Errorf("elsewhere: %d", a.StatusCode)
	}
	if a := s.do(s.request("POST", "/", "x")); a.StatusCode != 405 {
		t.Errorf("POST /: %d", a.StatusCode)
	}
}

func TestResetBeginsAgain(t *testing.T) {
	s := newStage(t, nil)
	tokens := s.grant("ada")
	track := firstTrack(s, tokens.AccessToken)
	s.api(tokens.AccessToken, "DELETE", "/me/tracks?ids="+track, "")
	if _, err := s.AddFault(simulator.Fault{Status: 500}); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	if got := s.Seen(simulator.Filter{}); len(got) != 0 {
		t.Errorf("%d requests are still in the log", len(got))
	}
	if a := s.api(tokens.AccessToken, "GET", "/me", ""); a.StatusCode != 401 {
		t.Errorf("the old token answers %d", a.StatusCode)
	}
	if got := firstTrack(s, s.grant("ada").AccessToken); got != track {
		t.Errorf("the library begins with %s, at first it was %s", got, track)
	}
}

// firstTrack is the id of the newest saved track.
func firstTrack(s *stage, token string) string {
	s.t.Helper()
	var page struct {
		Items []struct {
			Track struct{ ID string }
		}
	}
	s.api(token, "GET", "/me/tracks?limit=1", "").json(s.t, &page)
	return page.Items[0].Track.ID
}

func TestConcurrentUse(t *testing.T) {
	s := newStage(t, nil)
	token := s.grant("ada").AccessToken
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				paths := []string{"/me", "/me/playlists", "/me/player", "/search?q=a&type=track,playlist"}
				for _, path := range paths {
					if a := s.api(token, "GET", path, ""); a.StatusCode != 200 {
						t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
					}
				}
				s.api(token, "POST", "/me/player/next", "")
				s.Counts()
				s.Seen(simulator.Filter{After: i})
			}
		})
	}
	all.Wait()
	if got := s.Counts().API; got != 8*10*5 {
		t.Errorf("counted %d calls", got)
	}
}

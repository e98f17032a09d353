package proxy

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"stagedoor/proxy/proxytest"
	"stagedoor/session"
)

func TestSpotifySeesOnlyTheAllowList(t *testing.T) {
	s := newStage(t)
	s.do("POST", "/api/me/player?device_id=x", loggedIn(
		"Accept: application/json", "Accept-Language: de", "Content-Type: application/json", "If-None-Match: \"x\"",
		"If-Modified-Since: Mon, 01 Jan 2024 00:00:00 GMT", "Range: bytes=0-1", "Traceparent: 00-a-b-01", "Tracestate: a=b",
		"Authorization: Bearer dummy", "Authorization: Basic eDp5", "User-Agent: browser", "Via: 1.1 other",
		"Referer: https://app.example/", "Origin: "+listedOrigin, "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4",
		"X-Real-Ip: 1.2.3.4", "Te: trailers", "Connection: Authorization, Upgrade", "Upgrade: websocket", "Sec-Fetch-Site: cross-site",
		"Idempotency-Key: 1", "X-Idempotency-Key: 1", "X-Request-Id: 1", "Proxy-Authorization: x", "Expect: 100-continue",
		"Content-Encoding: identity", "Trailer: X-Foo", "Cookie: other=1",
	), strings.NewReader(`{"a":1}`)).ok(t, 204)

	got := s.api.one(t)
	want := http.Header{
		"Accept": {"application/json"}, "Accept-Language": {"de"}, "Content-Type": {"application/json"},
		"If-None-Match": {`"x"`}, "If-Modified-Since": {"Mon, 01 Jan 2024 00:00:00 GMT"}, "Range": {"bytes=0-1"},
		"Traceparent": {"00-a-b-01"}, "Tracestate": {"a=b"}, "Content-Length": {"7"}, "Accept-Encoding": {"identity"},
		"User-Agent": {"stagedoor/1.2.3"}, "Via": {"1.1 stagedoor"}, "Authorization": {"Bearer " + firstToken},
	}
	if !maps.EqualFunc(got.Header, want, slices.Equal) {
		t.Errorf("Spotify saw\n%v, want\n%v", got.Header, want)
	}
	if got.body != `{"a":1}` || got.RequestURI != "/v1/me/player?device_id=x" || got.Host != strings.TrimPrefix(s.api.URL, "http://") {
		t.Errorf("Spotify saw %s %s %q", got.Host, got.RequestURI, got.body)
	}
}

func TestUnprintableUpgradeIsNotForwarded(t *testing.T) {
	s := newStage(t)
	s.raw("GET /api/me HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: w\xffs\r\nCookie: stagedoor=1\r\n\r\n").ok(t, 204)
	if h := s.api.one(t).Header; h.Get("Upgrade") != "" {
		t.Errorf("Spotify saw %v", h)
	}
}

func TestBodilessWritesHaveALength(t *testing.T) {
	s := newStage(t)
	for _, method := range []string{"PUT", "POST"} {
		s.api.requests = nil
		s.do(method, "/api/me/player/pause", loggedIn(), nil).ok(t, 204)
		if got := s.api.one(t).Header.Get("Content-Length"); got != "0" {
			t.Errorf("%s: Content-Length %q", method, got)
		}
	}
	s.api.requests = nil
	s.do("DELETE", "/api/me/tracks", loggedIn("Content-Type: application/json"), strings.NewReader(`{"ids":[]}`)).ok(t, 204)
	if got := s.api.one(t).body; got != `{"ids":[]}` {
		t.Errorf("DELETE came with body %q", got)
	}
}

// queries are what is sent and what Spotify gets of it.
var queries = proxytest.Map("testdata/queries.json")

func TestQueryIsForwardedWithoutAccessTokens(t *testing.T) {
	s := newStage(t)
	for sent, want := range queries {
		s.api.requests = nil
		s.raw("GET /api/search?"+sent+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=1\r\n\r\n").ok(t, 204)
		if got := s.api.one(t).URL.RawQuery; got != want {
			t.Errorf("%q became %q, want %q", sent, got, want)
		}
	}
}

// TestQueriesThatNoRequestLineHolds are rejected on every route: a frontend that speaks HTTP/1.1 would read the target as
// ending there.
func TestQueriesThatNoRequestLineHolds(t *testing.T) {
	s := newStage(t, func(o *Options) {
		o.Routes = append(o.Routes, Route{Path: "/files/", FS: fstest.MapFS{"index.html": {}}},
			Route{Path: "/app/", Upstream: UpstreamSpotify, Credentials: CredentialsApp})
	})
	h2 := &http.Transport{Protocols: new(http.Protocols)}
	h2.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(h2.CloseIdleConnections)
	ask := func(path, query string) answered {
		r, err := http.NewRequest("GET", "http://"+s.addr+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.RawQuery, r.Header = query, loggedIn()
		res, err := h2.RoundTrip(r)
		if err != nil {
			t.Fatalf("%s?%q: %v", path, query, err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.ProtoMajor != 2 {
			t.Fatalf("%s came by %s", path, res.Proto)
		}
		return answered{res, string(body)}
	}
	for _, path := range []string{"/api/me", "/app/search", "/auth/session", "/auth/login", "/files/", "/", "/page"} {
		if answer := ask(path, "a=%20%C3%A9&b=!~\"<>{}|^`\\'"); answer.Header.Get("Stagedoor-Reason") != "" {
			t.Errorf("%s: an ordinary query got %d %s", path, answer.StatusCode, answer.body)
		}
		before := len(s.api.all()) + len(s.frontend.all())
		for _, query := range []string{"a b", " ", "a HTTP/1.1", "a=\x80", "a=\xff", "a=é", "\u00a0"} {
			ask(path, query).rejected(t, 404, "PATH_REFUSED")
		}
		for _, query := range []string{"\x80", "é"} { // which a line of HTTP/1.1 carries as well
			s.raw("GET "+path+"?"+query+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").rejected(t, 404, "PATH_REFUSED")
		}
		if got := len(s.api.all()) + len(s.frontend.all()); got != before {
			t.Errorf("%s: %d requests reached an upstream", path, got-before)
		}
	}
}

// TestCodedBodiesAreRejected because their header would not pass, and Spotify would get a packed body without a word about it.
func TestCodedBodiesAreRejected(t *testing.T) {
	s := newStage(t)
	for _, lines := range [][]string{
		{"gzip"}, {"GZip"}, {"br"}, {"identity, gzip"}, {"gzip, identity"}, {"identity", "gzip"}, {"x"}, {",gzip"}, {"identity;q=1"}, {"aws-chunked"}, {`"identity"`},
	} {
		h := loggedIn("Content-Type: application/json")
		h["Content-Encoding"] = lines
		for _, method := range []string{"PUT", "POST", "DELETE", "GET"} {
			answer := s.do(method, "/api/me/tracks", h, strings.NewReader("packed"))
			answer.rejected(t, http.StatusUnsupportedMediaType, "INVALID_REQUEST")
			if got := answer.Header.Get("Accept-Encoding"); got != "identity" || !strings.Contains(answer.body, `"status":415`) {
				t.Errorf("%q: Accept-Encoding %q, %s", lines, got, answer.body)
			}
		}
	}
	if n := len(s.api.all()); n != 0 {
		t.Errorf("Spotify saw %d requests", n)
	}
	for _, lines := range [][]string{{"identity"}, {"IDENTITY"}, {"identity, identity"}, {""}, {" , "}, {"identity", "Identity"}} {
		h := loggedIn()
		h["Content-Encoding"] = lines
		s.do("PUT", "/api/me/tracks", h, strings.NewReader("{}")).ok(t, 204)
	}
	// A frontend may take what it likes.
	s.do("POST", "/upload", header("Content-Encoding: gzip"), strings.NewReader("packed")).ok(t, 204)
	if got := s.frontend.one(t).Header.Get("Content-Encoding"); got != "gzip" {
		t.Errorf("the frontend got the coding %q", got)
	}
}

func TestWhoIsNotLoggedIn(t *testing.T) {
	s := newStage(t)
	s.get("/api/me", header()).rejected(t, 401, "LOGIN_REQUIRED")
	s.do("POST", "/api/me", header("Stagedoor-Request: 1", "Sec-Fetch-Dest: document"), nil).rejected(t, 401, "LOGIN_REQUIRED")

	answer := s.get("/api/me%20x?a=1&access_token=y&b=%26", header("Sec-Fetch-Dest: document"))
	want := "/auth/login?return_to=%2Fapi%2Fme%2520x%3Fa%3D1%26b%3D%2526"
	if answer.StatusCode != 302 || answer.Header.Get("Location") != want {
		t.Errorf("a navigation got %d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	if answer.Header.Get("Cache-Control") != "no-store" {
		t.Error("the redirect may be kept")
	}
	for _, c := range []struct {
		err    error
		status int
		reason string
	}{
		{session.ErrReauthorize, 401, "REAUTHORIZATION_REQUIRED"},
		{session.ErrStoreUnavailable, 503, "STORE_UNAVAILABLE"},
		{session.ErrClientMisconfigured, 503, "CLIENT_MISCONFIGURED"},
		{&session.RefreshUnavailableError{Cause: errors.New("down")}, 503, "TOKEN_ENDPOINT_UNAVAILABLE"},
	} {
		s.sessions.findErr, s.sessions.tokenErr = nil, c.err
		s.get("/api/me", loggedIn()).rejected(t, c.status, c.reason)
		s.sessions.findErr, s.sessions.tokenErr = c.err, nil
		s.get("/api/me", loggedIn()).rejected(t, c.status, c.reason)
	}
	s.get("/api/me", loggedIn("Sec-Fetch-Dest: document")).rejected(t, 503, "TOKEN_ENDPOINT_UNAVAILABLE") // a page
	if n := len(s.api.all()); n != 0 {
		t.Errorf("Spotify saw %d requests", n)
	}
}

// TestClientThatLeft wants no answer, and a line with 499.
func TestClientThatLeft(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.api.answer(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	r, _ := http.NewRequestWithContext(ctx, "GET", "http://"+s.addr+"/api/me", nil)
	r.Header = loggedIn()
	if _, err := http.DefaultTransport.RoundTrip(r); err == nil {
		t.Fatal("a client that left got an answer")
	}
	line := s.accessLine(0)
	if got := line.ContextMap()["status"]; got != int64(499) || line.Level.String() != "debug" {
		t.Errorf("status %v at %s", got, line.Level)
	}
}

package token

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
)

const testRedirectURL = "http://127.0.0.1:8080/auth/callback"

// testClock is when the tests of the token endpoint take place.
var testClock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// tokenCall is one request as the token endpoint received it.
type tokenCall struct {
	method, path, authorization, contentType string
	form                                     url.Values
}

// tokenServer is a token endpoint that answers as it is told and remembers what it was sent.
type tokenServer struct {
	*httptest.Server
	mu    sync.Mutex // guards calls
	calls []tokenCall
}

func newTokenServer(t *testing.T, answer http.HandlerFunc) *tokenServer {
	t.Helper()
	s := &tokenServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		s.mu.Lock()
		s.calls = append(s.calls, tokenCall{
			method: r.Method, path: r.URL.RequestURI(), authorization: r.Header.Get("Authorization"),
			contentType: r.Header.Get("Content-Type"), form: form,
		})
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *tokenServer) received() []tokenCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// only returns the one call that the server has received.
func (s *tokenServer) only(t *testing.T) tokenCall {
	t.Helper()
	calls := s.received()
	if len(calls) != 1 {
		t.Fatalf("the token endpoint received %d requests, want exactly one", len(calls))
	}
	return calls[0]
}

// endpoint returns a client of the server, for an app whose id and secret need escaping.
func (s *tokenServer) endpoint(change func(*Config)) *Client {
	c := Config{
		ClientID: "client id/1", Secret: secret.New("s3cr3t:+&= /?"), RedirectURL: testRedirectURL,
		TokenURL: s.URL + "/api/token", Timeout: 10 * time.Second, Concurrency: 32, Now: func() time.Time { return testClock },
	}
	if change != nil {
		change(&c)
	}
	return New(c)
}

// exchange redeems a code as a login does.
func exchange(t *testing.T, e *Client, code, verifier secret.Text, asked []string) (session.Grant, error) {
	t.Helper()
	slot, err := e.AcquireLogin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	return slot.Exchange(t.Context(), code, verifier, asked)
}

func answerJSON(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

const goodAnswer = `{"access_token":"access-new","token_type":"Bearer","scope":"user-read-private user-read-email",` +
	`"expires_in":3600,"refresh_token":"refresh-new"}`

func pkce(c *Config) { c.Public = true }

// What is sent, to the letter: the grant of RFC 6749 sections 4.1.3, 4.4.2 and 6. The client is written as Spotify documents
// it, base64(id:secret), where section 2.3.1 would percent-encode both first.
func TestTokenRequest(t *testing.T) {
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("client id/1:s3cr3t:+&= /?"))
	code, verifier := secret.New("code +/&1"), secret.New("verifier-1")
	refresh := secret.New("refresh +/&1")
	exchanged := func(verifier secret.Text) func(*Client) error {
		return func(e *Client) error {
			_, err := exchange(t, e, code, verifier, nil)
			return err
		}
	}
	refreshed := func(e *Client) error {
		_, err := e.Refresh(t.Context(), refresh)
		return err
	}
	appToken := func(e *Client) error {
		_, err := e.ClientCredentials(t.Context())
		return err
	}
	for name, test := range map[string]struct {
		change        func(*Config)
		call          func(*Client) error
		authorization string
		form          url.Values
	}{
		"exchange with a secret": {nil, exchanged(secret.Text{}), basic, url.Values{
			"grant_type": {"authorization_code"}, "code": {"code +/&1"}, "redirect_uri": {testRedirectURL},
		}},
		"exchange with a secret and a verifier": {nil, exchanged(verifier), basic, url.Values{
			"grant_type": {"authorization_code"}, "code": {"code +/&1"}, "redirect_uri": {testRedirectURL},
			"code_verifier": {"verifier-1"},
		}},
		"exchange by PKCE, though there is a secret": {pkce, exchanged(verifier), "", url.Values{
			"grant_type": {"authorization_code"}, "code": {"code +/&1"}, "redirect_uri": {testRedirectURL},
			"code_verifier": {"verifier-1"}, "client_id": {"client id/1"},
		}},
		"refresh with a secret": {nil, refreshed, basic, url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {"refresh +/&1"},
		}},
		"refresh by PKCE": {pkce, refreshed, "", url.Values{
			"grant_type": {"refresh_token"}, "refresh_token": {"refresh +/&1"}, "client_id": {"client id/1"},
		}},
		"app token":                            {nil, appToken, basic, url.Values{"grant_type": {"client_credentials"}}},
		"app token where users log in by PKCE": {pkce, appToken, basic, url.Values{"grant_type": {"client_credentials"}}},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTokenServer(t, answerJSON(http.StatusOK, goodAnswer))
			if err := test.call(server.endpoint(test.change)); err != nil {
				t.Fatal(err)
			}
			got := server.only(t)
			if got.method != http.MethodPost || got.path != "/api/token" {
				t.Errorf("the request was %s %s, want POST /api/token", got.method, got.path)
			}
			if got.contentType != "application/x-www-form-urlencoded" {
				t.Errorf("Content-Type is %q", got.contentType)
			}
			if got.authorization != test.authorization {
				t.Errorf("Authorization is %q, want %q", got.authorization, test.authorization)
			}
			if got.form.Encode() != test.form.Encode() {
				t.Errorf("the body is %v, want %v", got.form, test.form)
			}
		})
	}
}

// x/oauth2 keeps a client's secret as a plain string; this client does not give it one.
func TestTokenEndpointHidesItsSecret(t *testing.T) {
	endpoint := New(Config{ClientID: "client-1", Secret: secret.New("the-client-secret"), Concurrency: 1})
	for _, format := range []string{"%v", "%+v", "%#v"} {
		for _, value := range []any{endpoint, *endpoint, *endpoint.http, endpoint.http.Transport} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, "the-client-secret") {
				t.Errorf("%s of a %T prints %s", format, value, text)
			}
		}
	}
}

// A refresh that has no refresh token is no request at all.
func TestRefreshWithoutToken(t *testing.T) {
	server := newTokenServer(t, answerJSON(http.StatusOK, goodAnswer))
	if grant, err := server.endpoint(nil).Refresh(context.Background(), secret.Text{}); err == nil {
		t.Errorf("a refresh without a token gave %v", grant)
	}
	if calls := server.received(); len(calls) != 0 {
		t.Errorf("the token endpoint received %v", calls)
	}
}

// The app's token lives as long as its answer says, and as long as documented when it says nothing of use.
func TestAppTokenLife(t *testing.T) {
	for life, want := range map[string]time.Duration{
		`,"expires_in":60`: time.Minute, `,"expires_in":"60"`: time.Minute, "": time.Hour, `,"expires_in":0`: time.Hour,
		`,"expires_in":-5`: time.Hour, `,"expires_in":9000000000000000000`: 24 * time.Hour,
	} {
		server := newTokenServer(t, answerJSON(http.StatusOK, `{"access_token":"app-1"`+life+`}`))
		grant, err := server.endpoint(nil).ClientCredentials(t.Context())
		if err != nil || !grant.Expiry.Equal(testClock.Add(want)) {
			t.Errorf("with %q: %v, ends at %v, want a life of %v", life, err, grant.Expiry, want)
		}
	}
}

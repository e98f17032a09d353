package token

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
)

// What an answer with a token may leave out, and how it may be written.
func TestTokenAnswer(t *testing.T) {
	asked := []string{"user-read-private", "user-read-email"}
	hour := testClock.Add(time.Hour)
	for name, test := range map[string]struct {
		body    string
		expiry  time.Time
		refresh string
		scopes  []string // after Exchange; a Refresh has none where the answer has none
		silent  bool     // the answer says nothing about scopes
	}{
		"complete": {goodAnswer, hour, "refresh-new", asked, false},
		"short life": {
			`{"access_token":"access-new","expires_in":60,"scope":"streaming"}`,
			testClock.Add(time.Minute), "", []string{"streaming"}, false,
		},
		"life as a string": {
			`{"access_token":"access-new","expires_in":"60"}`,
			testClock.Add(time.Minute), "", asked, true,
		},
		"no life":       {`{"access_token":"access-new"}`, hour, "", asked, true},
		"life null":     {`{"access_token":"access-new","expires_in":null}`, hour, "", asked, true},
		"life zero":     {`{"access_token":"access-new","expires_in":0}`, hour, "", asked, true},
		"life negative": {`{"access_token":"access-new","expires_in":-5}`, hour, "", asked, true},
		"life absurd": {
			`{"access_token":"access-new","expires_in":9000000000000000000}`,
			testClock.Add(24 * time.Hour), "", asked, true,
		},
		"life of two days": {
			`{"access_token":"access-new","expires_in":172800}`,
			testClock.Add(24 * time.Hour), "", asked, true,
		},
		"BEARER":              {`{"access_token":"access-new","token_type":"BEARER"}`, hour, "", asked, true},
		"no token type":       {`{"access_token":"access-new","token_type":""}`, hour, "", asked, true},
		"empty refresh token": {`{"access_token":"access-new","refresh_token":""}`, hour, "", asked, true},
		"refresh token null":  {`{"access_token":"access-new","refresh_token":null}`, hour, "", asked, true},
		"refresh token repeated": {
			`{"access_token":"access-new","refresh_token":"refresh-old"}`,
			hour, "refresh-old", asked, true,
		},
		"narrower scope": {
			`{"access_token":"access-new","scope":"user-read-private"}`,
			hour, "", []string{"user-read-private"}, false,
		},
		"scope with many spaces": {
			`{"access_token":"access-new","scope":"  streaming   user-top-read "}`,
			hour, "", []string{"streaming", "user-top-read"}, false,
		},
		"scope that is no text": {`{"access_token":"access-new","scope":["streaming"]}`, hour, "", asked, true},
		"unknown members are fine": {
			`{"access_token":"access-new","id_token":"a","error":""}`,
			hour, "", asked, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTokenServer(t, answerJSON(http.StatusOK, test.body))
			endpoint := server.endpoint(nil)
			exchanged, err := exchange(t, endpoint, secret.New("code"), secret.New("verifier"), asked)
			if err != nil {
				t.Fatal(err)
			}
			refreshed, err := endpoint.Refresh(t.Context(), secret.New("refresh-old"))
			if err != nil {
				t.Fatal(err)
			}
			for _, grant := range []session.Grant{exchanged, refreshed} {
				if grant.Access.Reveal() != "access-new" || !grant.Expiry.Equal(test.expiry) {
					t.Errorf("access token %q until %v, want access-new until %v", grant.Access.Reveal(), grant.Expiry, test.expiry)
				}
			}
			if got := exchanged.Refresh.Reveal(); got != test.refresh {
				t.Errorf("after an exchange the refresh token is %q, want %q", got, test.refresh)
			}
			wantNew := test.refresh
			if wantNew == "refresh-old" { // the one that was sent is not a new one
				wantNew = ""
			}
			if got := refreshed.Refresh.Reveal(); got != wantNew {
				t.Errorf("after a refresh the new refresh token is %q, want %q", got, wantNew)
			}
			if !slices.Equal(exchanged.Scopes, test.scopes) {
				t.Errorf("after an exchange the scopes are %q, want %q", exchanged.Scopes, test.scopes)
			}
			if !test.silent && !slices.Equal(refreshed.Scopes, test.scopes) || test.silent && len(refreshed.Scopes) > 0 {
				t.Errorf("after a refresh the scopes are %q, and the answer was %s", refreshed.Scopes, test.body)
			}
		})
	}
}

// The kinds of failure; which one it is decides whether a session lives.
type failure string

const (
	grantEnded  failure = "the grant has ended"
	wrongClient failure = "the client is wrong"
	unknown     failure = "nothing is known"
)

func failureOf(err error) failure {
	var unavailable *session.RefreshUnavailableError
	switch {
	case errors.Is(err, session.ErrGrantEnded):
		return grantEnded
	case errors.Is(err, session.ErrClientMisconfigured):
		return wrongClient
	case errors.As(err, &unavailable):
		return unknown
	default:
		return failure("an unexpected error")
	}
}

// Only invalid_grant with an error's status ends a grant. Whatever else comes back, it is one request and no statement.
func TestTokenFailure(t *testing.T) {
	type header = map[string]string
	html := header{"Content-Type": "text/html"}
	text := header{"Content-Type": "text/plain"}
	form := header{"Content-Type": "application/x-www-form-urlencoded"}
	for name, test := range map[string]struct {
		status     int
		header     header
		body       string
		want       failure
		retryAfter time.Duration
	}{
		"400 invalid_grant": {
			400,
			nil, `{"error":"invalid_grant","error_description":"Refresh token revoked"}`, grantEnded, 0,
		},
		"401 invalid_grant":           {401, nil, `{"error":"invalid_grant"}`, grantEnded, 0},
		"200 invalid_grant":           {200, nil, `{"error":"invalid_grant"}`, unknown, 0},
		"200 invalid_grant and token": {200, nil, `{"error":"invalid_grant","access_token":"a"}`, unknown, 0},
		"403 invalid_grant":           {403, nil, `{"error":"invalid_grant"}`, unknown, 0},
		"500 invalid_grant":           {500, nil, `{"error":"invalid_grant"}`, unknown, 0},
		"503 invalid_grant":           {503, nil, `{"error":"invalid_grant"}`, unknown, 0},
		"302 invalid_grant":           {302, nil, `{"error":"invalid_grant"}`, unknown, 0},
		"400 invalid_grant in HTML":   {400, html, `<p>invalid_grant</p>`, unknown, 0},
		"400 invalid_grant, cut off":  {400, nil, `{"error":"invalid_grant"`, unknown, 0},
		"400 INVALID_GRANT":           {400, nil, `{"error":"INVALID_GRANT"}`, unknown, 0},
		"400 about invalid_grant": {
			400,
			nil, `{"error":"server_error","error_description":"invalid_grant"}`, unknown, 0,
		},
		"400 invalid_client":         {400, nil, `{"error":"invalid_client"}`, wrongClient, 0},
		"401 invalid_client":         {401, nil, `{"error":"invalid_client"}`, wrongClient, 0},
		"400 unauthorized_client":    {400, nil, `{"error":"unauthorized_client"}`, wrongClient, 0},
		"500 invalid_client":         {500, nil, `{"error":"invalid_client"}`, unknown, 0},
		"400 invalid_request":        {400, nil, `{"error":"invalid_request"}`, unknown, 0},
		"400 unsupported_grant_type": {400, nil, `{"error":"unsupported_grant_type"}`, unknown, 0},
		"400 in the API's shape":     {400, nil, `{"error":{"status":400,"message":"invalid_grant"}}`, unknown, 0},
		"400 empty":                  {400, nil, ``, unknown, 0},
		"401 empty":                  {401, nil, ``, unknown, 0},
		"404":                        {404, html, `<h1>Not here</h1>`, unknown, 0},
		"500":                        {500, nil, `{"error":"server_error"}`, unknown, 0},
		"502 text":                   {502, text, `upstream connect error`, unknown, 0},
		"503 with seconds":           {503, header{"Retry-After": "7"}, ``, unknown, 7 * time.Second},
		"503 with a date": {
			503,
			header{"Retry-After": testClock.Add(90 * time.Second).Format(http.TimeFormat)}, ``, unknown, 90 * time.Second,
		},
		"503 with a date gone by": {
			503,
			header{"Retry-After": testClock.Add(-time.Hour).Format(http.TimeFormat)}, ``, unknown, 0,
		},
		"503 with the end of time": {
			503,
			header{"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, ``, unknown, 24 * time.Hour,
		},
		"503 with a year of seconds": {503, header{"Retry-After": "31536000"}, ``, unknown, 24 * time.Hour},
		"503 with too many digits":   {503, header{"Retry-After": "99999999999999999999"}, ``, unknown, 24 * time.Hour},
		"503 with a signed number":   {503, header{"Retry-After": "+7"}, ``, unknown, 0},
		"503 with a negative time":   {503, header{"Retry-After": "-1"}, ``, unknown, 0},
		"503 with nonsense":          {503, header{"Retry-After": "soon"}, ``, unknown, 0},
		"429": {
			429,
			header{"Retry-After": "3"}, `{"error":"rate_limited"}`, unknown, 3 * time.Second,
		},
		"200 HTML":                  {200, html, `<!doctype html><p>We'll be back`, unknown, 0},
		"200 text":                  {200, text, `OK`, unknown, 0},
		"200 empty":                 {200, nil, ``, unknown, 0},
		"204":                       {204, nil, ``, unknown, 0},
		"200 truncated":             {200, nil, goodAnswer[:40], unknown, 0},
		"200 null":                  {200, nil, `null`, unknown, 0},
		"200 a list":                {200, nil, `[` + goodAnswer + `]`, unknown, 0},
		"200 two values":            {200, nil, goodAnswer + goodAnswer, unknown, 0},
		"200 no token":              {200, nil, `{"token_type":"Bearer","expires_in":3600}`, unknown, 0},
		"200 empty token":           {200, nil, `{"access_token":"","refresh_token":"r"}`, unknown, 0},
		"200 token is a number":     {200, nil, `{"access_token":1}`, unknown, 0},
		"200 token with a newline":  {200, nil, `{"access_token":"a\r\nX-Evil: 1"}`, unknown, 0},
		"200 token with a NUL":      {200, nil, `{"access_token":"a\u0000"}`, unknown, 0},
		"200 token with a space":    {200, nil, `{"access_token":"a b"}`, unknown, 0},
		"200 token with an umlaut":  {200, nil, `{"access_token":"ä"}`, unknown, 0},
		"200 bad refresh token":     {200, nil, `{"access_token":"a","refresh_token":"r\n"}`, unknown, 0},
		"200 mac":                   {200, nil, `{"access_token":"a","token_type":"mac"}`, unknown, 0},
		"200 DPoP":                  {200, nil, `{"access_token":"a","token_type":"DPoP"}`, unknown, 0},
		"200 life is no number":     {200, nil, `{"access_token":"a","expires_in":"soon"}`, unknown, 0},
		"200 form with a bad token": {200, form, `access_token=a%0d%0ab`, unknown, 0},
		"200 form that is none":     {200, form, `access_token=%zz`, unknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			for what, call := range map[string]func(*Client) (session.Grant, error){
				"exchange": func(e *Client) (session.Grant, error) {
					return exchange(t, e, secret.New("code"), secret.New("verifier"), []string{"streaming"})
				},
				"refresh": func(e *Client) (session.Grant, error) {
					return e.Refresh(t.Context(), secret.New("refresh-old"))
				},
				"app token": func(e *Client) (session.Grant, error) { return e.ClientCredentials(t.Context()) },
			} {
				server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
					for name, value := range test.header {
						w.Header().Set(name, value)
					}
					if w.Header().Get("Content-Type") == "" {
						w.Header().Set("Content-Type", "application/json")
					}
					w.WriteHeader(test.status)
					_, _ = w.Write([]byte(test.body))
				})
				grant, err := call(server.endpoint(nil))
				if got := failureOf(err); got != test.want {
					t.Fatalf("%s: %v; that is %q, want %q", what, err, got, test.want)
				}
				if !grant.Access.IsZero() || !grant.Refresh.IsZero() {
					t.Errorf("%s: a failure came with tokens", what)
				}
				var unavailable *session.RefreshUnavailableError
				if errors.As(err, &unavailable) && unavailable.RetryAfter != test.retryAfter {
					t.Errorf("%s: to be tried again after %v, want %v", what, unavailable.RetryAfter, test.retryAfter)
				}
				server.only(t)
			}
		})
	}
}

func TestTokenErrorIsOneShortLine(t *testing.T) {
	server := newTokenServer(t, answerJSON(http.StatusBadRequest,
		`{"error":"a\nb","error_description":"`+strings.Repeat(`\r\n\u001b[31m`, 1000)+`"}`))
	_, err := server.endpoint(nil).Refresh(t.Context(), secret.New("refresh-old"))
	if err == nil {
		t.Fatal("there is no error")
	}
	if text := err.Error(); len(text) > 1000 || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' }) {
		t.Errorf("the error has %d bytes: %q", len(text), text)
	}
}

package flows

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"stagedoor/dial"
	"stagedoor/secret"
	"stagedoor/session"
)

const (
	// documentedLifetime is the life of an access token when the answer does not say
	// (https://developer.spotify.com/documentation/web-api/concepts/access-token).
	documentedLifetime = time.Hour
	// longestLifetime bounds what an answer may claim; a token that lives on is refreshed early, which costs one call.
	longestLifetime = 24 * time.Hour
	// maxDescription bounds how much of an error's text goes to the log, in bytes.
	maxDescription = 200
	// longestRetryAfter bounds what an answer may ask for; Spotify's longest ban is a day.
	longestRetryAfter = 24 * time.Hour
	// connectTimeout bounds the making of a connection, and once more its TLS handshake.
	connectTimeout = 10 * time.Second
)

// TokenEndpoint asks Spotify's token endpoint (RFC 6749 section 3.2). Each method is one request on the wire: it follows
// no redirect, reads at most 1 MiB and ends by the configured timeout, which begins when the call does. Only so many calls
// as configured are made at a time, and refreshes come before logins; see slots. It is safe for concurrent use.
type TokenEndpoint struct {
	oauth   oauth2.Config
	secret  secret.Text // the app's own, even where users log in without it
	client  *http.Client
	timeout time.Duration
	slots   slots
	now     func() time.Time
}

// NewTokenEndpoint makes the client of a checked configuration. A nil clock is time.Now.
func NewTokenEndpoint(c Config, publicURL string, now func() time.Time) *TokenEndpoint {
	if now == nil {
		now = time.Now
	}
	client := newClient()
	client.Transport = dialect{next: client.Transport, id: c.ClientID, secret: c.ClientSecret}
	return &TokenEndpoint{
		oauth: oauth2.Config{
			ClientID: c.ClientID, RedirectURL: RedirectURI(publicURL), // the secret is added by dialect
			Endpoint: oauth2.Endpoint{AuthURL: c.AuthorizeURL, TokenURL: c.TokenURL, AuthStyle: c.authStyle()},
		},
		secret: c.ClientSecret, client: client, timeout: c.TokenTimeout,
		slots: newSlots(c.TokenConcurrency), now: now,
	}
}

// RedirectURI is where the consent page sends browsers back to, as it must be registered at Spotify.
func RedirectURI(publicURL string) string { return publicURL + callbackPath }

// loginSecret is what the client proves itself with at a login; a public client (RFC 6749 section 2.1) has nothing.
func (c Config) loginSecret() secret.Text {
	if c.Flow == FlowPKCE {
		return secret.Text{}
	}
	return c.ClientSecret
}

// authStyle is never left to x/oauth2 to detect: it would post a code or a refresh token twice.
func (c Config) authStyle() oauth2.AuthStyle {
	if c.loginSecret().IsZero() {
		return oauth2.AuthStyleInParams // client_id in the body, no secret
	}
	return oauth2.AuthStyleInHeader
}

// dialect bends x/oauth2 to what Spotify documents: Basic is base64(id:secret), where RFC 6749 section 2.3.1 would have
// both percent-encoded first, and an answer is JSON, whatever it calls itself.
type dialect struct {
	next   http.RoundTripper
	id     string
	secret secret.Text
}

func (d dialect) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("Authorization") != "" {
		r = r.Clone(r.Context())
		r.SetBasicAuth(d.id, d.secret.Reveal())
	}
	answer, err := d.next.RoundTrip(r)
	if err == nil {
		answer.Header.Set("Content-Type", "application/json")
	}
	return answer, err
}

// newClient returns a client that follows no redirect: a 307 would carry the secrets to another host.
func newClient() *http.Client {
	return &http.Client{
		Transport: dial.Transport{Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dial.New(connectTimeout).DialContext,
			HTTP2:                  dial.HTTP2(),
			ForceAttemptHTTP2:      true,
			DisableCompression:     true,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    connectTimeout,
			MaxResponseHeaderBytes: 64 << 10,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// exchange redeems an authorization code (RFC 6749 section 4.1.3), with a code verifier when there is one (RFC 7636
// section 4.5), for a login that holds a slot. Its errors are those of package session's Options.Refresh; ErrGrantEnded says
// that the code is no good.
func (t *TokenEndpoint) exchange(ctx context.Context, code, verifier secret.Text, asked []string) (session.Grant, error) {
	ctx, cancel := t.call(ctx, t.timeout)
	defer cancel()
	var options []oauth2.AuthCodeOption
	if !verifier.IsZero() {
		options = append(options, oauth2.VerifierOption(verifier.Reveal()))
	}
	answer, err := t.oauth.Exchange(ctx, code.Reveal(), options...)
	if err != nil {
		return session.Grant{}, t.sort(err, code, verifier)
	}
	grant, err := t.grant(answer)
	if grant.Scopes == nil {
		grant.Scopes = asked // RFC 6749 section 5.1: an answer may leave out what is as asked
	}
	return grant, err
}

// ClientCredentials gets a token that speaks for the app and for no user (RFC 6749 section 4.4). There is no refresh token.
func (t *TokenEndpoint) ClientCredentials(ctx context.Context) (session.Grant, error) {
	ctx, done, err := t.begin(ctx, t.timeout)
	if err != nil {
		return session.Grant{}, err
	}
	defer done()
	app := clientcredentials.Config{
		ClientID: t.oauth.ClientID, TokenURL: t.oauth.Endpoint.TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
	}
	answer, err := app.Token(ctx)
	if err != nil {
		return session.Grant{}, t.sort(err)
	}
	if !answer.Expiry.IsZero() { // package clientcredentials leaves ExpiresIn out
		answer.ExpiresIn = int64(time.Until(answer.Expiry).Round(time.Second) / time.Second)
	}
	return t.grant(answer)
}

// Refresh gets the next grant for a refresh token (RFC 6749 section 6). The grant has a refresh token only when the answer
// has a new one.
func (t *TokenEndpoint) Refresh(ctx context.Context, refreshToken secret.Text) (session.Grant, error) {
	ctx, done, err := t.begin(ctx, 2*t.timeout) // see Config.TokenTimeout
	if err != nil {
		return session.Grant{}, err
	}
	defer done()
	answer, err := t.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken.Reveal()}).Token()
	if err != nil {
		return session.Grant{}, t.sort(err, refreshToken)
	}
	if answer.RefreshToken == refreshToken.Reveal() { // x/oauth2 fills in the one that was sent
		answer.RefreshToken = ""
	}
	return t.grant(answer)
}

// begin waits for a slot and returns the context of the call. Done ends both.
func (t *TokenEndpoint) begin(ctx context.Context, timeout time.Duration) (call context.Context, done func(), err error) {
	wait, cancelWait := context.WithTimeout(ctx, waitForSlot)
	defer cancelWait()
	if err := t.slots.calls.Acquire(wait, 1); err != nil {
		return nil, nil, unavailable("the calls before this one take too long; see spotify.token_concurrency")
	}
	call, cancel := t.call(ctx, timeout)
	return call, func() {
		cancel()
		t.slots.calls.Release(1)
	}, nil
}

// call returns the context of one call.
func (t *TokenEndpoint) call(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, t.client), timeout)
}

// grant checks what came back. An answer that is no token is no statement about the grant either.
func (t *TokenEndpoint) grant(answer *oauth2.Token) (session.Grant, error) {
	if !isBearer(answer.TokenType) {
		return session.Grant{}, unavailable("the answer's token_type is not bearer")
	}
	if !isToken(answer.AccessToken) || answer.RefreshToken != "" && !isToken(answer.RefreshToken) {
		return session.Grant{}, unavailable("the answer holds no token")
	}
	var scopes []string // nil when the answer says nothing
	if text, said := answer.Extra("scope").(string); said {
		scopes = splitScopes(text)
	}
	return session.Grant{
		Token: session.Token{
			Access: secret.New(answer.AccessToken), Expiry: t.now().Add(lifetime(answer.ExpiresIn)), Scopes: scopes,
		},
		Refresh: secret.New(answer.RefreshToken),
	}, nil
}

// lifetime is how long a token lives whose answer says so many seconds.
func lifetime(seconds int64) time.Duration {
	if seconds <= 0 {
		return documentedLifetime
	}
	return time.Duration(min(seconds, int64(longestLifetime/time.Second))) * time.Second
}

// isBearer compares without case (RFC 6749 section 5.1); an answer that leaves the type out means the only one there is.
func isBearer(tokenType string) bool {
	return tokenType == "" || strings.EqualFold(tokenType, "bearer")
}

const (
	// shortestCode and longestCode bound an authorization code, in bytes. Spotify's have some hundred characters; the
	// bounds leave room for other servers.
	shortestCode = 4
	longestCode  = 2048
)

// isCode tells whether a server could have made text as an authorization code (RFC 6749 appendix A.11: VSCHAR, of which a
// blank is one).
func isCode(text string) bool {
	return len(text) >= shortestCode && len(text) <= longestCode && isToken(strings.ReplaceAll(text, " ", "x"))
}

// isToken tells whether text has only the characters that a token may have (RFC 6749 appendix A.12: VSCHAR).
func isToken(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// sort turns what x/oauth2 answers into the errors of package session. Only an OAuth error with an error's status says
// anything about the grant or the client; an outage may answer anything.
func (t *TokenEndpoint) sort(err error, sent ...secret.Text) error {
	sent = append(sent, t.secret, t.basicCredentials())
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return &session.RefreshUnavailableError{Cause: errors.New(redact(secret.WithoutQuotations(err.Error()), sent))}
	}
	status := refused.Response.StatusCode
	cause := fmt.Errorf("the token endpoint answered %d %s", status,
		redact(refused.ErrorCode+" "+refused.ErrorDescription, sent))
	if status == http.StatusBadRequest || status == http.StatusUnauthorized {
		switch refused.ErrorCode {
		case "invalid_grant":
			return fmt.Errorf("%w: %w", session.ErrGrantEnded, cause)
		case "invalid_client", "unauthorized_client":
			return fmt.Errorf("%w: %w", session.ErrClientMisconfigured, cause)
		}
	}
	return &session.RefreshUnavailableError{RetryAfter: retryAfter(refused.Response.Header, t.now()), Cause: cause}
}

// basicCredentials is what the Authorization header carries of the client, as dialect writes it.
func (t *TokenEndpoint) basicCredentials() secret.Text {
	return secret.New(base64.StdEncoding.EncodeToString([]byte(t.oauth.ClientID + ":" + t.secret.Reveal())))
}

func unavailable(cause string) error {
	return &session.RefreshUnavailableError{Cause: errors.New(cause)}
}

// redact makes a foreign text fit for the log: short, on one line, and without tokens.
func redact(text string, sent []secret.Text) string {
	text = strings.ReplaceAll(secret.WithoutTokens(text, sent...), `"`, "'")
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return strings.Trim(strconv.Quote(strings.TrimSpace(text)), `"`)
}

// retryAfter reads a Retry-After header (RFC 9110 section 10.2.3): seconds or a date. Zero means that it says nothing.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds > int(longestRetryAfter/time.Second) { // or more than an int holds
			return longestRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return min(date.Sub(now), longestRetryAfter)
	}
	return 0
}

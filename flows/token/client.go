// Package token is the client of Spotify's token endpoint (RFC 6749 section 3.2): it redeems authorization codes, refreshes
// tokens and fetches the app's own. It decides which answers say something about a grant and which are an outage.
package token

import (
	"context"
	"net/http"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"stagedoor/internal/dial"
	"stagedoor/secret"
	"stagedoor/session"
)

// Client calls the token endpoint. Each method is one request on the wire: it follows no redirect, reads at most 1 MiB and
// ends by the configured timeout, which begins when the request does. Only so many calls as configured are made at a time,
// and refreshes come before logins; see slots. It is safe for concurrent use.
type Client struct {
	oauth   oauth2.Config
	secret  secret.Text // the app's own, even where users log in without it
	http    *http.Client
	dialed  dial.Transport // of http
	timeout time.Duration
	slots   slots
	now     func() time.Time
}

// Config says which app calls which endpoint. All fields are required unless they say otherwise.
type Config struct {
	ClientID string
	// Secret authenticates the app. It may be zero where Public is true and no call is made for the app's own token.
	Secret secret.Text
	// Public tells that codes and refresh tokens are sent without the secret, as by a public client (RFC 6749 section 2.1).
	// Calls for the app's own token have it all the same.
	Public bool
	// RedirectURL is repeated when a code is redeemed (RFC 6749 section 4.1.3).
	RedirectURL string
	TokenURL    string
	// Timeout bounds a call, its connection included. A refresh has twice as long: where refresh tokens rotate, an answer
	// that arrives too late is a user logged out.
	Timeout time.Duration
	// Concurrency is how many calls are made at a time, at least 1. Logins get a quarter of them, and at least one.
	Concurrency int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// New makes the client of a checked configuration.
func New(c Config) *Client {
	if c.Now == nil {
		c.Now = time.Now
	}
	transport := newTransport()
	client := newHTTPClient("token", transport)
	client.Transport = dialect{next: client.Transport, id: c.ClientID, secret: c.Secret}
	return &Client{
		oauth: oauth2.Config{
			ClientID: c.ClientID, RedirectURL: c.RedirectURL, // the secret is added by dialect
			Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL, AuthStyle: c.authStyle()},
		},
		secret: c.Secret, http: client, dialed: transport, timeout: c.Timeout, slots: newSlots(c.Concurrency), now: c.Now,
	}
}

// KeepWarm keeps a connection to the token endpoint open until ctx ends; see dial.Transport.
func (c *Client) KeepWarm(ctx context.Context) { c.dialed.KeepWarm(ctx, c.oauth.Endpoint.TokenURL) }

// CloseIdleConnections closes those that no call uses.
func (c *Client) CloseIdleConnections() { c.dialed.CloseIdleConnections() }

// authStyle is never left to x/oauth2 to detect: it would post a code or a refresh token twice.
func (c Config) authStyle() oauth2.AuthStyle {
	if c.Public || c.Secret.IsZero() {
		return oauth2.AuthStyleInParams // client_id in the body, no secret
	}
	return oauth2.AuthStyleInHeader
}

// exchange redeems an authorization code (RFC 6749 section 4.1.3), with a code verifier when there is one (RFC 7636
// section 4.5), for a login that holds a slot. Its errors are those of package session's Options.Refresh; ErrGrantEnded says
// that the code is not valid.
func (c *Client) exchange(ctx context.Context, code, verifier secret.Text, asked []string) (session.Grant, error) {
	ctx, cancel := c.call(ctx, c.timeout)
	defer cancel()
	var options []oauth2.AuthCodeOption
	if !verifier.IsZero() {
		options = append(options, oauth2.VerifierOption(verifier.Reveal()))
	}
	answer, err := c.oauth.Exchange(ctx, code.Reveal(), options...)
	if err != nil {
		return session.Grant{}, c.classify(err, code, verifier)
	}
	grant, err := c.grant(answer)
	if grant.Scopes == nil {
		grant.Scopes = asked // RFC 6749 section 5.1: an answer may leave out what is as asked
	}
	return grant, err
}

// ClientCredentials gets a token that speaks for the app and for no user (RFC 6749 section 4.4). There is no refresh token.
func (c *Client) ClientCredentials(ctx context.Context) (session.Grant, error) {
	ctx, done, err := c.begin(ctx, c.timeout)
	if err != nil {
		return session.Grant{}, err
	}
	defer done()
	app := clientcredentials.Config{
		ClientID: c.oauth.ClientID, TokenURL: c.oauth.Endpoint.TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
	}
	answer, err := app.Token(ctx)
	if err != nil {
		return session.Grant{}, c.classify(err)
	}
	if !answer.Expiry.IsZero() { // package clientcredentials leaves ExpiresIn out
		answer.ExpiresIn = int64(time.Until(answer.Expiry).Round(time.Second) / time.Second)
	}
	return c.grant(answer)
}

// Refresh gets the next grant for a refresh token (RFC 6749 section 6). The grant has a refresh token only when the answer
// has a new one.
func (c *Client) Refresh(ctx context.Context, refreshToken secret.Text) (session.Grant, error) {
	ctx, done, err := c.begin(ctx, 2*c.timeout) // see Config.Timeout
	if err != nil {
		return session.Grant{}, err
	}
	defer done()
	answer, err := c.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: refreshToken.Reveal()}).Token()
	if err != nil {
		return session.Grant{}, c.classify(err, refreshToken)
	}
	if answer.RefreshToken == refreshToken.Reveal() { // x/oauth2 fills in the one that was sent
		answer.RefreshToken = ""
	}
	return c.grant(answer)
}

// begin waits for a slot and returns the context of the call. Done ends both.
func (c *Client) begin(ctx context.Context, timeout time.Duration) (call context.Context, done func(), err error) {
	wait, cancelWait := context.WithTimeout(ctx, waitForSlot)
	defer cancelWait()
	if err := c.slots.calls.Acquire(wait, 1); err != nil {
		return nil, nil, unavailable("the calls before this one take too long; see spotify.token_concurrency")
	}
	call, cancel := c.call(ctx, timeout)
	return call, func() {
		cancel()
		c.slots.calls.Release(1)
	}, nil
}

// call returns the context of one call.
func (c *Client) call(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, c.http), timeout)
}

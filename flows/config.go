package flows

import (
	"fmt"
	"net/url"
	"time"

	"stagedoor/flows/token"
	"stagedoor/internal/spelling"
	"stagedoor/internal/webapi"
	"stagedoor/secret"
)

// The values of Config.Flow: how a user logs in. The names are those of Spotify's authorization guide
// (https://developer.spotify.com/documentation/web-api/concepts/authorization).
const (
	FlowCode     = "authorization_code"
	FlowPKCE     = "authorization_code_pkce"
	FlowImplicit = "implicit"
)

// Config is the part of config.yaml below "spotify".
type Config struct {
	ClientID     string      `yaml:"client_id"`
	ClientSecret secret.Text `yaml:"client_secret"`
	// Flow is the grant that logs a user in, one of the Flow constants.
	Flow string `yaml:"flow"`
	// Scopes are asked for at every login.
	Scopes []string `yaml:"scopes"`
	// AuthorizeURL is where the browser is sent for consent; TokenURL and APIURL are called by the gateway.
	AuthorizeURL string `yaml:"authorize_url"`
	TokenURL     string `yaml:"token_url"`
	APIURL       string `yaml:"api_url"`
	// TokenTimeout bounds one call of the token endpoint, its connection included. A refresh has twice as long: where
	// refresh tokens rotate, an answer after the timeout is a user logged out.
	TokenTimeout time.Duration `yaml:"token_timeout"`
	// TokenConcurrency is how many calls of the token endpoint this process makes at a time; the others queue. Logins make a
	// quarter of them, rounded down but at least one: refreshes come first. At least 1.
	TokenConcurrency int `yaml:"token_concurrency"`
	// InsecureHTTP allows plain http to TokenURL and APIURL on hosts that are not loopback.
	InsecureHTTP bool `yaml:"insecure_http"`
	// PKCEWithSecret adds an S256 challenge (RFC 7636) to FlowCode. Spotify accepts but does not document the pair.
	PKCEWithSecret bool `yaml:"pkce_with_secret"`
}

// DefaultConfig returns the values of the keys that config.yaml leaves out. There is no default client.
func DefaultConfig() Config {
	return Config{
		Flow:             FlowCode,
		Scopes:           []string{"user-read-private", "user-read-email"},
		AuthorizeURL:     "https://accounts.spotify.com/authorize",
		TokenURL:         "https://accounts.spotify.com/api/token",
		APIURL:           "https://api.spotify.com/v1",
		TokenTimeout:     10 * time.Second,
		TokenConcurrency: 32,
		PKCEWithSecret:   true,
	}
}

// Validate reports every problem: the field by its path below "spotify", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if c.ClientID == "" {
		report("client_id", "there is no client id; copy it from your app at developer.spotify.com/dashboard into SPOTIFY_CLIENT_ID")
	}
	if _, known := responseTypes[c.Flow]; !known {
		report("flow", fmt.Sprintf("%q is not a flow; write authorization_code, authorization_code_pkce or implicit", c.Flow))
	}
	for i, scope := range c.Scopes {
		if err := CheckScopes([]string{scope}); err != nil {
			report(fmt.Sprintf("scopes[%d]", i), err.Error())
		}
	}
	for _, u := range []struct{ field, value string }{
		{"authorize_url", c.AuthorizeURL}, {"token_url", c.TokenURL}, {"api_url", c.APIURL},
	} {
		if problem := c.urlProblem(u.value); problem != "" {
			report(u.field, problem)
		}
	}
	if c.TokenTimeout <= 0 {
		report("token_timeout", "must be above zero, such as 10s")
	}
	if c.TokenConcurrency < 1 {
		report("token_concurrency", "must be at least 1, such as 32")
	}
}

// RedirectURI is where the consent page sends browsers back to, as it must be registered at Spotify.
func RedirectURI(publicURL string) string { return publicURL + callbackPath }

// NewTokenClient makes the client of the token endpoint for a checked configuration. A nil clock is time.Now.
func NewTokenClient(c Config, publicURL string, now func() time.Time) *token.Client {
	return token.New(token.Config{
		ClientID: c.ClientID, Secret: c.ClientSecret, Public: c.Flow == FlowPKCE, RedirectURL: RedirectURI(publicURL),
		TokenURL: c.TokenURL, Timeout: c.TokenTimeout, Concurrency: c.TokenConcurrency, Now: now,
	})
}

// maxNamedScope bounds how much of an unknown scope is repeated, in bytes.
const maxNamedScope = 60

func scopeProblem(scope string) string {
	if len(scope) > maxNamedScope {
		scope = scope[:maxNamedScope]
	}
	if near := spelling.Nearest(scope, webapi.Scopes()); near != "" {
		return fmt.Sprintf("%q is not a scope of Spotify's; did you mean %s?", scope, near)
	}
	return fmt.Sprintf("%q is not a scope of Spotify's; see developer.spotify.com/documentation/web-api/concepts/scopes", scope)
}

// urlProblem says what is wrong with one of Spotify's URLs; empty when nothing is.
func (c Config) urlProblem(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Sprintf("%q is not a URL; write one that begins with https://", secret.WithoutUserinfo(text))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "must have neither user, query nor fragment"
	case u.Scheme == "http" && !c.InsecureHTTP && !isLoopback(u.Hostname()):
		return "plain http would show tokens and secrets to the network; use https, or set insecure_http for a simulator"
	default:
		return ""
	}
}

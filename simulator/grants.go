package simulator

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const (
	// grantLifetime is how long a user's authorization lasts, whatever is refreshed meanwhile.
	grantLifetime = 180 * 24 * time.Hour
	// codeLifetime is how long an authorization code can be redeemed (RFC 6749 section 4.1.2).
	codeLifetime = 10 * time.Minute
)

// grant is one consent of one user for one client. All tokens that come of it die with it.
type grant struct {
	client, user string
	scopes       []string
	authorizedAt time.Time
	revoked      bool
}

// code is an authorization code.
type code struct {
	label       string
	grant       *grant
	redirectURI string
	challenge   string // empty without PKCE
	issuedAt    time.Time
	spent       bool
}

// accessToken is good until it expires or its grant is revoked.
type accessToken struct {
	label   string
	client  string
	scopes  []string
	grant   *grant // nil for the client's own token
	expires time.Time
}

// refreshToken belongs to a grant; under rotation all but the newest of a grant are spent.
type refreshToken struct {
	label string
	grant *grant
	spent bool
}

// accounts is everything that the accounts side has handed out. Nothing is ever removed: an old token must stay
// recognizable as old.
type accounts struct {
	codes   map[string]*code
	access  map[string]*accessToken
	refresh map[string]*refreshToken
	grants  []*grant
	serial  map[string]int // by kind, for labels
}

func newAccounts() *accounts {
	return &accounts{
		codes:   map[string]*code{},
		access:  map[string]*accessToken{},
		refresh: map[string]*refreshToken{},
		serial:  map[string]int{},
	}
}

func (a *accounts) label(who, kind string) string {
	a.serial[kind]++
	return fmt.Sprintf("%s/%s/%d", who, kind, a.serial[kind])
}

func (a *accounts) newGrant(client, user string, scopes []string, now time.Time) *grant {
	g := &grant{client: client, user: user, scopes: scopes, authorizedAt: now}
	a.grants = append(a.grants, g)
	return g
}

func (a *accounts) newCode(g *grant, redirectURI, challenge string, now time.Time) string {
	value := opaque("AQ", 96)
	a.codes[value] = &code{
		label: a.label(g.user, "code"), grant: g, redirectURI: redirectURI, challenge: challenge, issuedAt: now,
	}
	return value
}

// newAccess issues an access token; g is nil for the client's own.
func (a *accounts) newAccess(client string, g *grant, expires time.Time) string {
	value, who, scopes := opaque("BQ", 120), client, []string(nil)
	if g != nil {
		who, scopes = g.user, g.scopes
	}
	a.access[value] = &accessToken{label: a.label(who, "access"), client: client, scopes: scopes, grant: g, expires: expires}
	return value
}

func (a *accounts) newRefresh(g *grant) string {
	value := opaque("AQ", 96)
	a.refresh[value] = &refreshToken{label: a.label(g.user, "refresh"), grant: g}
	return value
}

// opaque makes a token of random bytes that looks like Spotify's: URL-safe base64 behind two letters.
func opaque(prefix string, size int) string {
	random := make([]byte, size)
	_, _ = rand.Read(random) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(random)
}

func joinScopes(list []string) string { return strings.Join(list, " ") }

package session

import (
	"time"

	"stagedoor/secret"
)

// Token is what a call to Spotify carries.
type Token struct {
	Access secret.Text
	// Expiry is when the access token ends.
	Expiry time.Time
	// Scopes are what the user granted, as the token endpoint said.
	Scopes []string
}

// Grant is what the token endpoint gave.
type Grant struct {
	Token
	// Refresh gets the next token; empty when there is none to be had.
	Refresh secret.Text
}

// goodAt tells whether the token can still be used.
func (t Token) goodAt(now time.Time) bool { return now.Before(t.Expiry) }

// same tells whether the tokens are the same.
func (g Grant) same(other Grant) bool {
	return g.Access.Equal(other.Access) && g.Refresh.Equal(other.Refresh)
}

// succeededBy returns the grant after a refresh answered with next. What the answer leaves out stays as it was (RFC 6749
// section 6): an answer without a refresh token keeps the old one, one without scopes keeps those.
func (g Grant) succeededBy(next Grant) Grant {
	if next.Refresh.IsZero() {
		next.Refresh = g.Refresh
	}
	if len(next.Scopes) == 0 {
		next.Scopes = g.Scopes
	}
	return next
}

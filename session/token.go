package session

import (
	"context"
	"time"

	"stagedoor/secret"
)

// Token is the access token that a call to Spotify carries.
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
	// Refresh gets the next token; empty when the grant cannot be refreshed.
	Refresh secret.Text
}

// goodAt reports whether the token can still be used.
func (t Token) goodAt(now time.Time) bool { return now.Before(t.Expiry) }

// same reports whether the tokens are the same.
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

// Token returns a token of the session that is good now, for a use that takes so long; zero for one call. One with less than
// Config.RefreshBefore left is refreshed: beside the request while it has enoughLife and outlives the use, so that the request
// does not wait, and before the request otherwise. When the refresh fails, and while the old token is still good, the old one is
// returned. It answers ErrReauthorize, ErrNoSession (the
// session was ended meanwhile), ErrStoreUnavailable, ErrClientMisconfigured or a RefreshUnavailableError.
func (m *Manager) Token(ctx context.Context, s *Session, use time.Duration) (Token, error) {
	return m.refresher.token(ctx, s, use)
}

// Replace returns another token for one that Spotify has rejected although it had not expired. If it was replaced
// already, its successor is returned; else a refresh is forced, at most once in ForcedRefreshInterval: after that it answers
// ErrRefreshedLately. Its other errors are those of Token.
func (m *Manager) Replace(ctx context.Context, s *Session, rejected Token) (Token, error) {
	if !s.renewable() {
		return Token{}, ErrReauthorize
	}
	m.MarkRejected(s, rejected)
	return m.refresher.refreshed(ctx, s, need{rejected: rejected.Access}, waitForToken)
}

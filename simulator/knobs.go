package simulator

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// RefreshMode says what a refresh does with the refresh token.
type RefreshMode string

const (
	// RefreshKeep answers without a refresh token; the old one stays good. It is the default.
	RefreshKeep RefreshMode = "keep"
	// RefreshRotate answers with a new refresh token and spends the old one. A client that sends a spent one ends the whole
	// grant (RFC 9700 section 4.14.2).
	RefreshRotate RefreshMode = "rotate"
	// RefreshEmpty answers with an empty refresh token; the old one stays good.
	RefreshEmpty RefreshMode = "empty"
)

// Decision is a button of the consent page.
type Decision string

// The buttons.
const (
	DecisionAgree  Decision = "agree"
	DecisionCancel Decision = "cancel"
)

// Consent decides in a person's place, so that GET /authorize sends the browser back at once.
type Consent struct {
	// User is the id of the user who decides; empty will do for DecisionCancel.
	User string `json:"user"`
	// Decision is DecisionAgree when empty.
	Decision Decision `json:"decision"`
	// Scopes are all that is granted of what the app asks for; nil grants everything.
	Scopes []string `json:"scopes,omitempty"`
}

func (s *Server) checkConsent(c Consent) error {
	switch c.Decision {
	case DecisionCancel:
		return nil
	case DecisionAgree:
		if s.users[c.User] == nil {
			return errNoUser
		}
		return nil
	}
	return fmt.Errorf("there is no decision %q; write agree or cancel", c.Decision)
}

// SetConsent decides every coming consent, until ClearConsent. It returns an error for an unknown user.
func (s *Server) SetConsent(c Consent) error {
	if c.Decision == "" {
		c.Decision = DecisionAgree
	}
	if err := s.checkConsent(c); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decision = &c
	return nil
}

// ClearConsent lets people decide again.
func (s *Server) ClearConsent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decision = nil
}

// SetRefreshMode changes what a refresh does with the refresh token.
func (s *Server) SetRefreshMode(mode RefreshMode) error {
	switch mode {
	case RefreshKeep, RefreshRotate, RefreshEmpty:
	default:
		return fmt.Errorf("there is no refresh mode %q; write keep, rotate or empty", mode)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
	return nil
}

// SetClientSecret gives a confidential client another secret; the one before is refused from now on. Reset does not bring
// it back.
func (s *Server) SetClientSecret(client, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, found := s.clients[client]
	switch {
	case !found:
		return errNoClient
	case known.public() || secret == "":
		return errors.New("a client has a secret or has none for good; give a confidential client another one")
	}
	known.Secret = secret
	s.clients[client] = known
	return nil
}

// SetCaching says whether answers have the Cache-Control and ETag that were recorded of Spotify, as they have after New, or
// neither of the two.
func (s *Server) SetCaching(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uncached = !on
}

// ExpireAccessTokens ends every access token now, as if its hour had passed, and returns how many that were.
func (s *Server) ExpireAccessTokens() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, count := s.nowLocked(), 0
	for _, t := range s.accounts.access {
		if now.Before(t.expires) {
			t.expires = now
			count++
		}
	}
	return count
}

// RevokeUser ends all grants of a user, with their access tokens, as when the user removes the app from the account,
// and returns how many that were.
func (s *Server) RevokeUser(user string) (int, error) {
	if s.users[user] == nil {
		return 0, errNoUser
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for _, g := range s.accounts.grants {
		if g.user == user && !g.revoked {
			g.revoked = true
			count++
		}
	}
	return count, nil
}

// Authorize gives a client tokens of a user without a consent page, for tests that are not about logging in.
func (s *Server) Authorize(client, user string, granted ...string) (Tokens, error) {
	if _, known := s.client(client); !known {
		return Tokens{}, errNoClient
	}
	if s.users[user] == nil {
		return Tokens{}, errNoUser
	}
	list, ok := parseScopes(joinScopes(granted))
	if !ok {
		return Tokens{}, fmt.Errorf("one of the scopes %q is unknown; correct it", granted)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.nowLocked()
	g := s.accounts.newGrant(client, user, list, now)
	refresh := s.accounts.newRefresh(g)
	return *s.issueLocked(client, g, &refresh, now), nil
}

// Advance moves the simulator's clock: tokens expire, grants end after 180 days, music plays on. Time does not run
// backwards.
func (s *Server) Advance(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("the clock cannot go back by %v; give a positive duration", -d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	return nil
}

// Reset brings back the state after New: no tokens, the sample library, no faults, an empty log, the true time, no limit.
func (s *Server) Reset() {
	s.ClearFaults()
	s.ForgetSeen()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead, s.decision, s.mode = 0, nil, RefreshKeep
	s.accounts = newAccounts()
	s.uncached = false
	s.limit, s.meters = RateLimit{}, map[string]*meter{}
	s.world = newWorld(s.songs, s.order, s.nowLocked())
}

// origin is how the client reached the simulator.
func origin(r *http.Request) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return scheme + "://" + host
}

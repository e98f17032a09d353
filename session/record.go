package session

import (
	"encoding/json"
	"fmt"
	"time"
	"unique"
)

// User is who logged in, as Spotify's GET /me tells.
type User struct {
	ID string
	// AccountID is Spotify's stable account id; equal to ID where Spotify does not send one.
	AccountID   string
	DisplayName string
	// Image is the URL of the profile picture; empty when there is none.
	Image string
}

// record is what the gateway knows about a session. It is a value: whoever changes one changes a copy.
type record struct {
	user  User
	grant Grant
	// userAgent tells a user's own sessions apart.
	userAgent    string
	authorizedAt instant
	createdAt    instant
	// lastSeenAt lags behind by up to a tenth of the idle timeout.
	lastSeenAt instant
	// refreshedAt is when the access token was refreshed; zero when it came with the login.
	refreshedAt instant
	// forcedAt is when a refresh was forced, because Spotify refused a token that looked good; zero for never.
	forcedAt instant
	// ended marks a session whose grant Spotify has ended. Its tokens are kept, sealed and unused, for endedLifetime:
	// Spotify is known to have said so by mistake.
	ended bool
}

// due tells whether the token is to be refreshed before it is used: it has less than before left. A token that a refresh
// has just brought is used for half its life at least, or a server of very short-lived tokens would be asked for one
// with every request.
func (r record) due(now time.Time, before time.Duration) bool {
	if r.refreshedAt != 0 {
		before = min(before, r.grant.Expiry.Sub(r.refreshedAt.time())/2)
	}
	return r.grant.Expiry.Sub(now) <= before
}

// wireRecord is a record as it is sealed: short names and milliseconds, because there is one for every browser.
type wireRecord struct {
	ID           string   `json:"i"`
	AccountID    string   `json:"a,omitempty"`
	DisplayName  string   `json:"n,omitempty"`
	Image        string   `json:"p,omitempty"`
	Access       string   `json:"t"`
	Expiry       instant  `json:"e"`
	Refresh      string   `json:"r,omitempty"`
	Scopes       []string `json:"s,omitempty"`
	UserAgent    string   `json:"u,omitempty"`
	AuthorizedAt instant  `json:"z"`
	CreatedAt    instant  `json:"c"`
	LastSeenAt   instant  `json:"l"`
	RefreshedAt  instant  `json:"f,omitempty"`
	ForcedAt     instant  `json:"o,omitempty"`
	Ended        bool     `json:"x,omitempty"`
}

func (r record) encode() ([]byte, error) {
	return json.Marshal(wireRecord{
		ID: r.user.ID, AccountID: r.user.AccountID, DisplayName: r.user.DisplayName, Image: r.user.Image,
		Access: r.grant.Access.Reveal(), Expiry: instantOf(r.grant.Expiry), Refresh: r.grant.Refresh.Reveal(),
		Scopes: r.grant.Scopes, UserAgent: r.userAgent,
		AuthorizedAt: r.authorizedAt, CreatedAt: r.createdAt, LastSeenAt: r.lastSeenAt,
		RefreshedAt: r.refreshedAt, ForcedAt: r.forcedAt, Ended: r.ended,
	})
}

func decodeRecord(data []byte) (record, error) {
	var w wireRecord
	if err := json.Unmarshal(data, &w); err != nil {
		return record{}, fmt.Errorf("decode a session record: %w", err)
	}
	if w.AccountID == w.ID { // thousands of records are in memory, so what is the same is there once, as below
		w.AccountID = w.ID
	}
	for i, scope := range w.Scopes {
		w.Scopes[i] = unique.Make(scope).Value()
	}
	return record{
		user: User{ID: w.ID, AccountID: w.AccountID, DisplayName: w.DisplayName, Image: w.Image},
		grant: Grant{
			Token:   Token{Access: NewSecret(w.Access), Expiry: w.Expiry.time(), Scopes: w.Scopes},
			Refresh: NewSecret(w.Refresh),
		},
		userAgent: unique.Make(w.UserAgent).Value(), authorizedAt: w.AuthorizedAt, createdAt: w.CreatedAt,
		lastSeenAt: w.LastSeenAt, refreshedAt: w.RefreshedAt, forcedAt: w.ForcedAt,
		ended: w.Ended,
	}, nil
}

// instant is a time as records keep it, in milliseconds since 1970; zero means never. Thousands of records are in memory,
// and a time.Time is three times as large.
type instant int64

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return instant(t.UnixMilli())
}

// time returns the zero time for never.
func (i instant) time() time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(i)).UTC()
}

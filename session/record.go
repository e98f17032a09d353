package session

import (
	"encoding/json"
	"fmt"
	"time"
	"unique"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// User is the user that logged in, as Spotify's GET /me returns it.
type User struct {
	ID string
	// AccountID is Spotify's stable account id; equal to ID where Spotify does not send one.
	AccountID   string
	DisplayName string
	// Image is the URL of the profile picture; empty when there is none.
	Image string
}

// record is what the gateway knows about a session. It is a value: a change is made to a copy.
type record struct {
	user  User
	grant Grant
	// userAgent distinguishes a user's own sessions.
	userAgent    string
	authorizedAt instant
	createdAt    instant
	// lastSeenAt lags behind by up to a tenth of the idle timeout.
	lastSeenAt instant
	// refreshedAt is when the access token was refreshed; zero when it came with the login.
	refreshedAt instant
	// expiresAt is when the store forgets the record unless it is used before, by the limits that held when it was used
	// last. Zero when the record is kept without any use, or was written in seal.FormatUnnamed.
	expiresAt instant
	// forcedAt is when a refresh was forced, because Spotify rejected a token that had not expired; zero for never.
	forcedAt instant
	// ended marks a session whose grant Spotify has ended. Its tokens are kept, sealed and unused, for endedLifetime:
	// Spotify is known to have said so by mistake.
	ended bool
}

// due reports whether the token is to be refreshed before it is used: it has less than before left. A token that a refresh
// has just brought is used for half its life at least, or a server of very short-lived tokens would be asked for one
// with every request.
func (r record) due(now time.Time, before time.Duration) bool {
	if r.refreshedAt != 0 {
		before = min(before, r.grant.Expiry.Sub(r.refreshedAt.time())/2)
	}
	return r.grant.Expiry.Sub(now) <= before
}

// sameGrant reports whether the grant was not refreshed meanwhile. A server may answer with the tokens that it gave before,
// so the time of the refresh counts as well.
func (r record) sameGrant(other record) bool {
	return r.grant.same(other.grant) && r.refreshedAt == other.refreshedAt
}

// wireRecord is a record as seal.FormatNamed seals it. Times are in milliseconds since 1970. The dictionary has the names.
type wireRecord struct {
	ClientID       string   `json:"client_id,omitempty"` // the app that the grant was given to
	UserID         string   `json:"user_id"`
	AccountID      string   `json:"account_id,omitempty"`
	DisplayName    string   `json:"display_name,omitempty"`
	Image          string   `json:"image,omitempty"`
	Scopes         []string `json:"scopes,omitempty"`
	UserAgent      string   `json:"user_agent,omitempty"`
	AuthorizedAt   instant  `json:"authorized_at"`
	CreatedAt      instant  `json:"created_at"`
	LastSeenAt     instant  `json:"last_seen_at"`
	ExpiresAt      instant  `json:"expires_at,omitempty"`
	TokenExpiresAt instant  `json:"token_expires_at"`
	RefreshedAt    instant  `json:"refreshed_at,omitempty"`
	ForcedAt       instant  `json:"forced_at,omitempty"`
	Ended          bool     `json:"ended,omitempty"`
	AccessToken    string   `json:"access_token"`
	RefreshToken   string   `json:"refresh_token,omitempty"`
}

// unnamedRecord is a record as seal.FormatUnnamed sealed it. It is read and not written.
type unnamedRecord struct {
	ClientID       string   `json:"-"`
	UserID         string   `json:"i"`
	AccountID      string   `json:"a"`
	DisplayName    string   `json:"n"`
	Image          string   `json:"p"`
	Scopes         []string `json:"s"`
	UserAgent      string   `json:"u"`
	AuthorizedAt   instant  `json:"z"`
	CreatedAt      instant  `json:"c"`
	LastSeenAt     instant  `json:"l"`
	ExpiresAt      instant  `json:"-"`
	TokenExpiresAt instant  `json:"e"`
	RefreshedAt    instant  `json:"f"`
	ForcedAt       instant  `json:"o"`
	Ended          bool     `json:"x"`
	AccessToken    string   `json:"t"`
	RefreshToken   string   `json:"r"`
}

// encode returns the record as seal.FormatWritten has it, with the client id that its grant was given to.
func (r record) encode(client string) ([]byte, error) {
	return json.Marshal(wireRecord{
		ClientID: client,
		UserID:   r.user.ID, AccountID: r.user.AccountID, DisplayName: r.user.DisplayName, Image: r.user.Image,
		AccessToken: r.grant.Access.Reveal(), TokenExpiresAt: instantOf(r.grant.Expiry), RefreshToken: r.grant.Refresh.Reveal(),
		Scopes: r.grant.Scopes, UserAgent: r.userAgent,
		AuthorizedAt: r.authorizedAt, CreatedAt: r.createdAt, LastSeenAt: r.lastSeenAt, ExpiresAt: r.expiresAt,
		RefreshedAt: r.refreshedAt, ForcedAt: r.forcedAt, Ended: r.ended,
	})
}

// decodeRecord is the inverse of encode, for every format. It answers seal.ErrOtherClient for the record of another client id;
// a record of seal.FormatUnnamed belongs to every client id.
func decodeRecord(format byte, data []byte, client string) (record, error) {
	var w wireRecord
	var err error
	if format == seal.FormatUnnamed {
		unnamed := unnamedRecord{}
		err = json.Unmarshal(data, &unnamed)
		w = wireRecord(unnamed)
		w.ClientID = client
	} else {
		err = json.Unmarshal(data, &w)
	}
	if err != nil {
		return record{}, fmt.Errorf("decode a session record: %w", err)
	}
	if w.ClientID != client {
		return record{}, seal.ErrOtherClient
	}
	if w.AccountID == w.UserID { // thousands of records are in memory, so what is the same is there once, as below
		w.AccountID = w.UserID
	}
	for i, scope := range w.Scopes {
		w.Scopes[i] = unique.Make(scope).Value()
	}
	return record{
		user: User{ID: w.UserID, AccountID: w.AccountID, DisplayName: w.DisplayName, Image: w.Image},
		grant: Grant{
			Token:   Token{Access: secret.New(w.AccessToken), Expiry: w.TokenExpiresAt.time(), Scopes: w.Scopes},
			Refresh: secret.New(w.RefreshToken),
		},
		userAgent: unique.Make(w.UserAgent).Value(), authorizedAt: w.AuthorizedAt, createdAt: w.CreatedAt,
		lastSeenAt: w.LastSeenAt, expiresAt: w.ExpiresAt, refreshedAt: w.RefreshedAt, forcedAt: w.ForcedAt,
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

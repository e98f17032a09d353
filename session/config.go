package session

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// The values of Config.Store.
const (
	StoreRedis  = "redis"
	StoreMemory = "memory"
)

// GrantLifetime is how long a user's authorization lasts at Spotify, whatever is refreshed meanwhile: six months
// (https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens).
const GrantLifetime = 180 * 24 * time.Hour

// maxMaxPerUser bounds Config.MaxPerUser: a login reads all sessions of its user.
const maxMaxPerUser = 1000

// Config is the part of config.yaml below "session".
type Config struct {
	// Store is where sessions are kept: "redis", or "memory" for one replica that may lose them at a restart.
	Store string `yaml:"store"`
	// Keys are 32 random bytes in base64 each. The first seals new records, all of them open old ones.
	Keys []secret.Text `yaml:"keys"`
	// IdleTimeout ends a session that was not used for so long. At least one second.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxLifetime ends a session so long after its login, used or not. At most GrantLifetime.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	// RefreshBefore is the lifetime that a token must have left to be used as it is; with less it is refreshed first.
	// Zero refreshes when the token has ended.
	RefreshBefore time.Duration `yaml:"refresh_before"`
	// Cookie describes the session cookie.
	Cookie CookieConfig `yaml:"cookie"`
	// BrowserTokens turns on POST /auth/token, which hands an access token to the page.
	BrowserTokens bool `yaml:"browser_tokens"`
	// MaxPerUser is how many sessions a user may have. One more ends the one that was used longest ago. At least 1.
	MaxPerUser int `yaml:"max_per_user"`
}

// CookieConfig is the part of config.yaml below "session.cookie".
type CookieConfig struct {
	// Name of the cookie. Empty means __Host-Http-stagedoor on https and stagedoor on loopback http.
	Name string `yaml:"name"`
	// SameSite is "lax", "strict" or "none"; "none" needs https.
	SameSite string `yaml:"same_site"`
}

// DefaultConfig returns the values of the keys that config.yaml leaves out. Keys are empty: there is no default key.
func DefaultConfig() Config {
	return Config{
		Store:         StoreRedis,
		IdleTimeout:   7 * 24 * time.Hour,
		MaxLifetime:   GrantLifetime,
		RefreshBefore: time.Minute,
		Cookie:        CookieConfig{SameSite: "lax"},
		MaxPerUser:    100,
	}
}

// Validate reports every problem: the field by its path below "session", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if c.Store != StoreRedis && c.Store != StoreMemory {
		report("store", fmt.Sprintf("%q is not a session store; write redis or memory", c.Store))
	}
	if len(c.Keys) == 0 {
		report("keys", "there is no session key; make one with `stagedoor key` and put it into STAGEDOOR_SESSION_KEY")
	}
	for i, key := range c.Keys {
		if problem := keyProblem(key.Reveal()); problem != "" {
			report(fmt.Sprintf("keys[%d]", i), problem)
		}
	}
	if c.IdleTimeout < time.Second {
		report("idle_timeout", "must be at least 1s")
	}
	if c.MaxLifetime < time.Second {
		report("max_lifetime", "must be at least 1s")
	}
	if c.MaxLifetime > GrantLifetime {
		report("max_lifetime", "must not be above 180d: Spotify ends every authorization after six months")
	}
	if c.RefreshBefore < 0 {
		report("refresh_before", "must not be negative; write 0s to refresh tokens only once they have ended")
	}
	if c.MaxPerUser < 1 || c.MaxPerUser > maxMaxPerUser {
		report("max_per_user", fmt.Sprintf("must be from 1 to %d: the sessions of one user", maxMaxPerUser))
	}
	c.Cookie.validate(func(field, problem string) { report("cookie."+field, problem) })
}

// keyProblem says what is wrong with a session key: most often it was made by another program.
func keyProblem(key string) string {
	const mend = "a session key is 32 random bytes in base64; make one with `stagedoor key`"
	raw, err := base64.StdEncoding.DecodeString(key)
	fromHex, notHex := hex.DecodeString(key)
	fromURL, notURL := base64.RawURLEncoding.DecodeString(strings.TrimRight(key, "="))
	switch {
	case err == nil && len(raw) == seal.KeySize:
		return ""
	case notHex == nil && len(fromHex) == seal.KeySize:
		return "this key is in hex; " + mend
	case err != nil && notURL == nil && len(fromURL) == seal.KeySize:
		return "this key is in the URL-safe base64, or lacks its = at the end: write + for -, / for _, and the = ; " + mend
	case err == nil && len(raw) < seal.KeySize:
		return fmt.Sprintf("this key is too short, %d bytes; %s", len(raw), mend)
	}
	return mend
}

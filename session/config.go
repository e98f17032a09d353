package session

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"stagedoor/secret"
)

// The values of Config.Store.
const (
	StoreRedis  = "redis"
	StoreMemory = "memory"
)

// GrantLifetime is how long a user's authorization lasts at Spotify, whatever is refreshed meanwhile: six months
// (https://developer.spotify.com/documentation/web-api/tutorials/refreshing-tokens).
const GrantLifetime = 180 * 24 * time.Hour

// maxMaxPerUser bounds Config.MaxPerUser: a login looks at all sessions of its user.
const maxMaxPerUser = 1000

// Config is the part of config.yaml below "session".
type Config struct {
	// Store is where sessions live: "redis", or "memory" for one replica that may lose them at a restart.
	Store string `yaml:"store"`
	// Keys are 32 random bytes in base64 each. The first seals new records, all of them open old ones.
	Keys []secret.Text `yaml:"keys"`
	// IdleTimeout ends a session that nobody used for so long. At least one second.
	IdleTimeout time.Duration `yaml:"idle_timeout"`
	// MaxLifetime ends a session so long after its login, used or not. At most GrantLifetime.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	// RefreshBefore is the life that a token must have left to be used as it is; with less it is refreshed first.
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

// RedisConfig is the part of config.yaml below "redis".
type RedisConfig struct {
	// Addresses are host:port each: one is a single server, several are a cluster, and with SentinelMaster they are
	// the sentinels.
	Addresses []string `yaml:"addresses"`
	// SentinelMaster is the name of the master that the sentinels watch; empty means no sentinels.
	SentinelMaster string `yaml:"sentinel_master"`
	// SentinelUsername and SentinelPassword log in to the sentinels, which know nothing of Redis' own users; both empty
	// means no login.
	SentinelUsername string      `yaml:"sentinel_username"`
	SentinelPassword secret.Text `yaml:"sentinel_password"`
	// Username and Password log in to Redis; both empty means no login.
	Username string      `yaml:"username"`
	Password secret.Text `yaml:"password"`
	// Database is the number of the database; a cluster has only 0.
	Database int `yaml:"database"`
	// TLS encrypts the connection to Redis.
	TLS RedisTLS `yaml:"tls"`
	// KeyPrefix begins every key and every channel, so that several programs can share one Redis. It must leave a key and
	// its lease in one slot of a cluster: {} at its first brace would make each name its own hash tag
	// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
	KeyPrefix string `yaml:"key_prefix"`
	// Timeout bounds one command, its connection included.
	Timeout time.Duration `yaml:"timeout"`
}

// RedisTLS is the part of config.yaml below "redis.tls". All files are PEM.
type RedisTLS struct {
	Enabled bool `yaml:"enabled"`
	// CAFile holds the authorities to trust; empty means the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's certificate; both empty means none.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// DefaultConfig returns what config.yaml says where it is silent. Keys are empty: there is no default key.
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

// DefaultRedisConfig returns what config.yaml says where it is silent.
func DefaultRedisConfig() RedisConfig {
	return RedisConfig{
		Addresses: []string{"127.0.0.1:6379"},
		KeyPrefix: "stagedoor:",
		Timeout:   500 * time.Millisecond,
	}
}

// Validate reports every fault: the field by its path below "session", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if c.Store != StoreRedis && c.Store != StoreMemory {
		report("store", fmt.Sprintf("%q is no session store; write redis or memory", c.Store))
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
	case err == nil && len(raw) == keySize:
		return ""
	case notHex == nil && len(fromHex) == keySize:
		return "this key is in hex; " + mend
	case err != nil && notURL == nil && len(fromURL) == keySize:
		return "this key is in the URL-safe base64, or lacks its = at the end: write + for -, / for _, and the = ; " + mend
	case err == nil && len(raw) < keySize:
		return fmt.Sprintf("this key is too short, %d bytes; %s", len(raw), mend)
	}
	return mend
}

// Validate reports every fault: the field by its path below "redis", and a sentence that says what to do.
func (c RedisConfig) Validate(report func(field, problem string)) {
	if len(c.Addresses) == 0 {
		report("addresses", "there is no address; write at least one host:port")
	}
	for i, address := range c.Addresses {
		if problem := addressProblem(address); problem != "" {
			report(fmt.Sprintf("addresses[%d]", i), problem)
		}
	}
	if c.Database < 0 {
		report("database", "must not be negative")
	}
	if c.Database > 0 && len(c.Addresses) > 1 && c.SentinelMaster == "" {
		report("database", "several addresses are a cluster, and a cluster has only database 0; set sentinel_master if they are sentinels")
	}
	c.validateSentinel(report)
	if problem := prefixProblem(c.KeyPrefix); problem != "" {
		report("key_prefix", problem)
	}
	if c.Timeout <= 0 {
		report("timeout", "must be above zero, such as 500ms")
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		report("tls", "cert_file and key_file belong together; set both or neither")
	}
}

// validateSentinel reports a login that no sentinel would be asked for, and one that lacks its half.
func (c RedisConfig) validateSentinel(report func(field, problem string)) {
	if c.SentinelMaster == "" {
		if c.SentinelUsername != "" {
			report("sentinel_username", "there are no sentinels to log in to; set sentinel_master, or use username for Redis itself")
		}
		if !c.SentinelPassword.IsZero() {
			report("sentinel_password", "there are no sentinels to log in to; set sentinel_master, or use password for Redis itself")
		}
		return
	}
	if c.SentinelUsername != "" && c.SentinelPassword.IsZero() {
		report("sentinel_username", "a user of the sentinels needs sentinel_password, too")
	}
}

// prefixProblem says what is wrong with a key prefix; empty when nothing is.
func prefixProblem(prefix string) string {
	if _, tag, found := strings.Cut(prefix, "{"); found && strings.HasPrefix(tag, "}") {
		return "must not have {} at its first brace: a Redis cluster would put a session and its lease into different slots; " +
			"leave the braces out, or write a name between them"
	}
	if strings.ContainsFunc(prefix, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "must not have blanks or control characters; write letters, digits and colons, such as stagedoor:"
	}
	return ""
}

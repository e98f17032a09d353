package session

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
)

// faults collects what Validate reports, by field.
func faults(validate func(report func(field, problem string))) map[string]string {
	found := map[string]string{}
	validate(func(field, problem string) { found[field] = problem })
	return found
}

func TestConfigValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Config)
		want   []string
	}{
		{"the defaults with a key", func(*Config) {}, nil},
		{"two keys", func(c *Config) { c.Keys = append(c.Keys, keyB) }, nil},
		{"the least timeouts", func(c *Config) {
			c.IdleTimeout, c.MaxLifetime, c.RefreshBefore = time.Second, time.Second, 0
		}, nil},
		{"memory", func(c *Config) { c.Store = "memory" }, nil},
		{"no store", func(c *Config) { c.Store = "" }, []string{"store"}},
		{"another store", func(c *Config) { c.Store = "Redis" }, []string{"store"}},
		{"no key", func(c *Config) { c.Keys = nil }, []string{"keys"}},
		{"a short key", func(c *Config) { c.Keys = append(c.Keys, secret.New("c2hvcnQ=")) }, []string{"keys[1]"}},
		{"an empty key", func(c *Config) { c.Keys = []secret.Text{{}} }, []string{"keys[0]"}},
		{"no idle timeout", func(c *Config) { c.IdleTimeout = 0 }, []string{"idle_timeout"}},
		{"a short idle timeout", func(c *Config) { c.IdleTimeout = 999 * time.Millisecond }, []string{"idle_timeout"}},
		{"no lifetime", func(c *Config) { c.MaxLifetime = 0 }, []string{"max_lifetime"}},
		{"six months and a bit", func(c *Config) { c.MaxLifetime = GrantLifetime + 1 }, []string{"max_lifetime"}},
		{"a negative margin", func(c *Config) { c.RefreshBefore = -1 }, []string{"refresh_before"}},
		{"one session a user", func(c *Config) { c.MaxPerUser = 1 }, nil},
		{"no session a user", func(c *Config) { c.MaxPerUser = 0 }, []string{"max_per_user"}},
		{"too many sessions a user", func(c *Config) { c.MaxPerUser = 1001 }, []string{"max_per_user"}},
		{"an unknown same_site", func(c *Config) { c.Cookie.SameSite = "Lax" }, []string{"cookie.same_site"}},
		{"no same_site", func(c *Config) { c.Cookie.SameSite = "" }, []string{"cookie.same_site"}},
		{"a cookie name with a space", func(c *Config) { c.Cookie.Name = "my cookie" }, []string{"cookie.name"}},
		{"everything at once", func(c *Config) { *c = Config{} },
			[]string{"cookie.same_site", "idle_timeout", "keys", "max_lifetime", "max_per_user", "store"}},
	} {
		config := DefaultConfig()
		config.Keys = []secret.Text{keyA}
		c.change(&config)
		wantFaults(t, c.name, faults(config.Validate), c.want)
	}
}

func TestRedisConfigValidate(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*RedisConfig)
		want   []string
	}{
		{"the defaults", func(*RedisConfig) {}, nil},
		{"a cluster", func(c *RedisConfig) { c.Addresses = []string{"a:1", "b:65535", "[::1]:6379"} }, nil},
		{"sentinels with a database", func(c *RedisConfig) {
			c.Addresses, c.SentinelMaster, c.Database = []string{"a:1", "b:1"}, "main", 3
		}, nil},
		{"no address", func(c *RedisConfig) { c.Addresses = nil }, []string{"addresses"}},
		{"bad addresses", func(c *RedisConfig) {
			c.Addresses = []string{"a:1", "redis", ":6379", "a:0", "a:65536", "a:b", "redis://a:1", ""}
		}, []string{
			"addresses[1]", "addresses[2]", "addresses[3]", "addresses[4]", "addresses[5]", "addresses[6]", "addresses[7]",
		}},
		{"a negative database", func(c *RedisConfig) { c.Database = -1 }, []string{"database"}},
		{"a cluster with a database", func(c *RedisConfig) {
			c.Addresses, c.Database = []string{"a:1", "b:1"}, 1
		}, []string{"database"}},
		{"sentinels with a login", func(c *RedisConfig) {
			c.SentinelMaster, c.SentinelUsername, c.SentinelPassword = "main", "gateway", secret.New("secret")
		}, nil},
		{"sentinels with a password alone", func(c *RedisConfig) {
			c.SentinelMaster, c.SentinelPassword = "main", secret.New("secret")
		}, nil},
		{"a user of the sentinels without a password", func(c *RedisConfig) {
			c.SentinelMaster, c.SentinelUsername = "main", "gateway"
		}, []string{"sentinel_username"}},
		{"a login of sentinels that are not there", func(c *RedisConfig) {
			c.SentinelUsername, c.SentinelPassword = "gateway", secret.New("c2hvcnQ=")
		}, []string{"sentinel_password", "sentinel_username"}},
		{"a prefix whose braces hold nothing", func(c *RedisConfig) { c.KeyPrefix = "{}:" }, []string{"key_prefix"}},
		{"such braces further on", func(c *RedisConfig) { c.KeyPrefix = "app{}{x}" }, []string{"key_prefix"}},
		{"a prefix with a hash tag of its own", func(c *RedisConfig) { c.KeyPrefix = "{app}{}:" }, nil},
		{"a prefix with half a brace", func(c *RedisConfig) { c.KeyPrefix = "}a{" }, nil},
		{"a prefix with a blank", func(c *RedisConfig) { c.KeyPrefix = "stage door:" }, []string{"key_prefix"}},
		{"a prefix with a line end", func(c *RedisConfig) { c.KeyPrefix = "stagedoor:\n" }, []string{"key_prefix"}},
		{"no prefix", func(c *RedisConfig) { c.KeyPrefix = "" }, nil},
		{"no timeout", func(c *RedisConfig) { c.Timeout = 0 }, []string{"timeout"}},
		{"a certificate without its key", func(c *RedisConfig) { c.TLS.CertFile = "cert.pem" }, []string{"tls"}},
		{"a key without its certificate", func(c *RedisConfig) { c.TLS.KeyFile = "key.pem" }, []string{"tls"}},
	} {
		config := DefaultRedisConfig()
		c.change(&config)
		wantFaults(t, c.name, faults(config.Validate), c.want)
	}
}

// wantFaults compares the fields that were reported, and wants a sentence for each that shows no secret.
func wantFaults(t *testing.T, name string, found map[string]string, want []string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("%s: faults in %q, want %q", name, got, want)
	}
	for field, problem := range found {
		if len(problem) < 10 || strings.Contains(problem, "c2hvcnQ=") {
			t.Errorf("%s: %s: %q", name, field, problem)
		}
	}
}

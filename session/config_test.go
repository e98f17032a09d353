package session

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
)

// problems collects what Validate reports, by field.
func problems(validate func(report func(field, problem string))) map[string]string {
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
		wantProblems(t, c.name, problems(config.Validate), c.want)
	}
}

// wantProblems compares the fields that were reported, and wants a sentence for each that shows no secret.
func wantProblems(t *testing.T, name string, found map[string]string, want []string) {
	t.Helper()
	if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
		t.Errorf("%s: problems in %q, want %q", name, got, want)
	}
	for field, problem := range found {
		if len(problem) < 10 || strings.Contains(problem, "c2hvcnQ=") {
			t.Errorf("%s: %s: %q", name, field, problem)
		}
	}
}

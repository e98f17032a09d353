package quota

import (
	"fmt"
	"strings"
	"time"

	"stagedoor/internal/bytesize"
	"stagedoor/proxy/policy"
)

// Config is the part of config.yaml below "quota": how the calls of Spotify's Web API are shared out. The zero value caches nothing
// and limits calls by Spotify's 429 alone.
type Config struct {
	// Calls is how many calls all users and replicas together may make in any Window; zero when that is unknown.
	Calls int `yaml:"calls"`
	// Window is the time in which calls count.
	Window time.Duration `yaml:"window"`
	// UserShare is the most of Calls that one session may take while others ask, above 0 and up to 1.
	UserShare float64 `yaml:"user_share"`
	// Wait is how long a request may wait for its turn; zero for not at all.
	Wait time.Duration `yaml:"wait"`
	// Cache bounds the memory for Spotify's answers; zero keeps none, and lets no requests share a call.
	Cache bytesize.Size `yaml:"cache"`
	// Stale is how old a kept answer may be that serves while calls are scarce; zero for never.
	Stale time.Duration `yaml:"stale"`
	// Reuse makes answers fresh that Spotify does not call so.
	Reuse []Reuse `yaml:"reuse"`
}

// Reuse says how long the answers for some paths serve as fresh, although Spotify does not say so.
type Reuse struct {
	// Path is a pattern as in a route's allow, below the Web API's base, such as me/player.
	Path string `yaml:"path"`
	// For is the time since the answer arrived.
	For time.Duration `yaml:"for"`
}

// DefaultConfig returns the values of the keys that config.yaml leaves out.
func DefaultConfig() Config {
	return Config{
		Window: 30 * time.Second, UserShare: 0.25, Wait: 2 * time.Second, Cache: 32 << 20, Stale: 24 * time.Hour,
	}
}

// Validate reports every problem: the field by its path below "quota", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if c.Calls < 0 {
		report("calls", "must not be negative; write 0 when the quota is unknown")
	}
	if c.Window < time.Second || c.Window > time.Hour {
		report("window", "must be from 1s to 1h; Spotify counts in 30s")
	}
	if !(c.UserShare > 0 && c.UserShare <= 1) {
		report("user_share", "must be above 0 and at most 1, such as 0.25 for a quarter")
	}
	if c.Wait < 0 || c.Wait > time.Minute {
		report("wait", "must be from 0s, for never, to 1m")
	}
	if c.Cache < 0 {
		report("cache", "must not be negative; write 0 to keep nothing")
	}
	if c.Stale < 0 {
		report("stale", "must not be negative; write 0s for never")
	}
	seen := map[string]bool{}
	for i, r := range c.Reuse {
		at := fmt.Sprintf("reuse[%d]", i)
		if strings.Trim(r.Path, "/") == "" {
			report(at+".path", "is missing; write a path below the Web API's base, such as me/player")
		} else if problem := policy.PatternProblem(r.Path); problem != "" {
			report(at+".path", problem)
		}
		if seen[r.Path] {
			report(at+".path", fmt.Sprintf("%q stands in the list before; keep one of the two", r.Path))
		}
		seen[r.Path] = true
		if r.For <= 0 || r.For > 24*time.Hour {
			report(at+".for", "must be above 0s and at most 1d, such as 1s")
		}
	}
}

func (c Config) forCache() CacheConfig { return CacheConfig{Size: int64(c.Cache), Stale: c.Stale} }

func (c Config) forLimiter() LimiterConfig {
	return LimiterConfig{Calls: c.Calls, Window: c.Window, UserShare: c.UserShare, Wait: c.Wait}
}

// reuseRule is a Reuse that is read.
type reuseRule struct {
	pattern policy.Pattern
	life    time.Duration
}

// ReuseRules find the Reuse of a path.
type ReuseRules []reuseRule

// NewReuseRules reads a list in which Validate finds no problem.
func NewReuseRules(list []Reuse) ReuseRules {
	rules := make(ReuseRules, len(list))
	for i, r := range list {
		rules[i] = reuseRule{policy.ParsePattern(r.Path), r.For}
	}
	return rules
}

// Life is how long the answer for a path below the API's base serves as fresh; zero for not at all. The first rule that
// matches counts.
func (r ReuseRules) Life(path string) time.Duration {
	for _, rule := range r {
		if rule.pattern.Matches(path) {
			return rule.life
		}
	}
	return 0
}

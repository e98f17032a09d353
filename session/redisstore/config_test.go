package redisstore

import (
	"maps"
	"slices"
	"stagedoor/secret"
	"strings"
	"testing"
)

func TestAddressProblemHidesThePassword(t *testing.T) {
	config := DefaultConfig()
	config.Addresses = []string{"redis://user:hunt er2@redis:6379"}
	want := `"[redacted]@redis:6379" is not an address; write host:port, such as 127.0.0.1:6379`
	if got := problems(config.Validate)["addresses[0]"]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	config.Addresses = []string{
		"user:hunter2@redis:6379", "hunter2@:6379", "hunter2@redis:6379:1", "redis:6379,password=hunter2",
		"redis://redis:6379?password=hunter2",
	}
	for field, problem := range problems(config.Validate) {
		if strings.Contains(problem, "hunter2") {
			t.Errorf("%s: %s", field, problem)
		}
	}
}

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
		{"the defaults", func(*Config) {}, nil},
		{"a cluster", func(c *Config) { c.Addresses = []string{"a:1", "b:65535", "[::1]:6379"} }, nil},
		{"sentinels with a database", func(c *Config) {
			c.Addresses, c.SentinelMaster, c.Database = []string{"a:1", "b:1"}, "main", 3
		}, nil},
		{"no address", func(c *Config) { c.Addresses = nil }, []string{"addresses"}},
		{"bad addresses", func(c *Config) {
			c.Addresses = []string{"a:1", "redis", ":6379", "a:0", "a:65536", "a:b", "redis://a:1", ""}
		}, []string{
			"addresses[1]", "addresses[2]", "addresses[3]", "addresses[4]", "addresses[5]", "addresses[6]", "addresses[7]",
		}},
		{"a negative database", func(c *Config) { c.Database = -1 }, []string{"database"}},
		{"a cluster with a database", func(c *Config) {
			c.Addresses, c.Database = []string{"a:1", "b:1"}, 1
		}, []string{"database"}},
		{"sentinels with a login", func(c *Config) {
			c.SentinelMaster, c.SentinelUsername, c.SentinelPassword = "main", "gateway", secret.New("secret")
		}, nil},
		{"sentinels with a password alone", func(c *Config) {
			c.SentinelMaster, c.SentinelPassword = "main", secret.New("secret")
		}, nil},
		{"a user of the sentinels without a password", func(c *Config) {
			c.SentinelMaster, c.SentinelUsername = "main", "gateway"
		}, []string{"sentinel_username"}},
		{"a login of sentinels that are not there", func(c *Config) {
			c.SentinelUsername, c.SentinelPassword = "gateway", secret.New("c2hvcnQ=")
		}, []string{"sentinel_password", "sentinel_username"}},
		{"a prefix whose braces hold nothing", func(c *Config) { c.KeyPrefix = "{}:" }, []string{"key_prefix"}},
		{"such braces further on", func(c *Config) { c.KeyPrefix = "app{}{x}" }, []string{"key_prefix"}},
		{"a prefix with a hash tag of its own", func(c *Config) { c.KeyPrefix = "{app}{}:" }, nil},
		{"a prefix with half a brace", func(c *Config) { c.KeyPrefix = "}a{" }, nil},
		{"a prefix with a blank", func(c *Config) { c.KeyPrefix = "stage door:" }, []string{"key_prefix"}},
		{"a prefix with a line end", func(c *Config) { c.KeyPrefix = "stagedoor:\n" }, []string{"key_prefix"}},
		{"no prefix", func(c *Config) { c.KeyPrefix = "" }, nil},
		{"no timeout", func(c *Config) { c.Timeout = 0 }, []string{"timeout"}},
		{"a socket", func(c *Config) { c.Addresses = []string{"unix:/run/redis"} }, nil},
		{"a socket without a path", func(c *Config) { c.Addresses = []string{"unix:redis"} }, []string{"addresses[0]"}},
		{"sockets as a cluster", func(c *Config) { c.Addresses = []string{"unix:/a", "unix:/b"} }, []string{"addresses"}},
		{"a socket with TLS", func(c *Config) { c.Addresses, c.TLS.Enabled = []string{"unix:/a"}, true }, []string{"tls.enabled"}},
		{"a certificate without its key", func(c *Config) { c.TLS.Enabled, c.TLS.CertFile = true, "cert.pem" }, []string{"tls"}},
		{"a key without its certificate", func(c *Config) { c.TLS.Enabled, c.TLS.KeyFile = true, "key.pem" }, []string{"tls"}},
		{"files of TLS without TLS", func(c *Config) { c.TLS = TLSConfig{false, "ca", "cert", "key"} }, []string{"tls.ca_file", "tls.cert_file", "tls.key_file"}},
	} {
		config := DefaultConfig()
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

package redisstore

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"

	"stagedoor/secret"
)

// Config is the part of config.yaml below "redis".
type Config struct {
	// Addresses are host:port each, or unix: and the path of a socket: one is a single server, several are a cluster, and with SentinelMaster they are
	// the sentinels.
	Addresses []string `yaml:"addresses"`
	// SentinelMaster is the name of the master that the sentinels watch; empty means no sentinels.
	SentinelMaster string `yaml:"sentinel_master"`
	// SentinelUsername and SentinelPassword log in to the sentinels, which do not know Redis' own users; both empty
	// means no login.
	SentinelUsername string      `yaml:"sentinel_username"`
	SentinelPassword secret.Text `yaml:"sentinel_password"`
	// Username and Password log in to Redis; both empty means no login.
	Username string      `yaml:"username"`
	Password secret.Text `yaml:"password"`
	// Database is the number of the database; a cluster has only 0.
	Database int `yaml:"database"`
	// TLS encrypts the connection to Redis.
	TLS TLSConfig `yaml:"tls"`
	// KeyPrefix begins every key and every channel, so that several programs can share one Redis. It must leave a key and
	// its lease in one slot of a cluster: {} at its first brace would make each name its own hash tag
	// (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
	KeyPrefix string `yaml:"key_prefix"`
	// Timeout bounds one command, its connection included.
	Timeout time.Duration `yaml:"timeout"`
}

// TLSConfig is the part of config.yaml below "redis.tls". All files are PEM.
type TLSConfig struct {
	Enabled bool `yaml:"enabled"`
	// CAFile holds the authorities to trust; empty means the system's.
	CAFile string `yaml:"ca_file"`
	// CertFile and KeyFile are the client's certificate; both empty means none.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// DefaultConfig returns the values of the keys that config.yaml leaves out.
func DefaultConfig() Config {
	return Config{
		Addresses: []string{"127.0.0.1:6379"},
		KeyPrefix: "stagedoor:",
		Timeout:   500 * time.Millisecond,
	}
}

// Validate reports every problem: the field by its path below "redis", and a sentence that says what to do.
func (c Config) Validate(report func(field, problem string)) {
	if len(c.Addresses) == 0 {
		report("addresses", "there is not an address; write at least one host:port")
	}
	for i, address := range c.Addresses {
		if problem := addressProblem(address); problem != "" {
			report(fmt.Sprintf("addresses[%d]", i), problem)
		}
	}
	if len(c.Addresses) > 0 && strings.HasPrefix(c.Addresses[0], unixPrefix) {
		if len(c.Addresses) > 1 || c.SentinelMaster != "" {
			report("addresses", "a Unix socket is a single server; write its host:port where there are several or sentinels")
		}
		if c.TLS.Enabled {
			report("tls.enabled", "a Unix socket is not encrypted; leave it out, or write host:port")
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
	c.TLS.validate(report)
}

func (c TLSConfig) validate(report func(field, problem string)) {
	if c.Enabled {
		if (c.CertFile == "") != (c.KeyFile == "") {
			report("tls", "cert_file and key_file belong together; set both or neither")
		}
		return
	}
	for _, f := range []struct{ field, path string }{
		{"tls.ca_file", c.CAFile}, {"tls.cert_file", c.CertFile}, {"tls.key_file", c.KeyFile},
	} {
		if f.path != "" {
			report(f.field, "has no effect, because the connection to Redis is not encrypted; set enabled: true, or leave it out")
		}
	}
}

// validateSentinel reports a login that no sentinel would be asked for, and one that lacks its half.
func (c Config) validateSentinel(report func(field, problem string)) {
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

// unixPrefix begins the path of a Unix socket in the place of a host:port.
const unixPrefix = "unix:"

// addressProblem says what is wrong with a host:port; empty when nothing is.
func addressProblem(address string) string {
	if path, isUnix := strings.CutPrefix(address, unixPrefix); isUnix {
		if !filepath.IsAbs(path) {
			return fmt.Sprintf("%q is not the path of a socket; write one such as unix:/run/redis/redis.sock", address)
		}
		return ""
	}
	host, port, err := net.SplitHostPort(address)
	number, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || number < 1 || number > 65535 || strings.TrimSpace(host) == "" {
		return fmt.Sprintf("%q is not an address; write host:port, such as 127.0.0.1:6379", secret.WithoutUserinfo(address))
	}
	return ""
}

package redisstore_test

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// TestInspect lets Redis be all that it can be. A want is the begin of a finding, "…" and a part of it.
func TestInspect(t *testing.T) {
	const (
		answers = "ok: Redis answers"
		keeps   = "ok: Redis keeps sessions: "
		tells   = "ok: Redis tells the gateway of changes"
		version = "ok: Redis has version "
		mute    = "warning: Redis does not tell the gateway of changes (Redis says NOPERM), so that every request asks it; …+subscribe "
		evicts  = "ok: Redis evicts nothing"
		saves   = "ok: Redis keeps sessions over a restart"
	)
	user := func(rules ...string) func(*sessiontest.RedisServer, *redisstore.Config) {
		return func(s *sessiontest.RedisServer, c *redisstore.Config) {
			do(t, s, append([]string{"ACL", "SETUSER", "gateway", "on", ">right", "~stagedoor:*", "&stagedoor:*", "&__redis__:invalidate", "+@all"}, rules...)...)
			c.Username, c.Password = "gateway", secret.New("right")
		}
	}
	for name, test := range map[string]struct {
		args   []string
		change func(*sessiontest.RedisServer, *redisstore.Config)
		want   []string
	}{
		"all is well": {nil, nil, []string{answers, keeps, tells, version, evicts, saves}},
		"evicting": {[]string{"--maxmemory-policy", "allkeys-lru"}, nil,
			[]string{answers, keeps, tells, version, "warning: Redis evicts keys…set maxmemory-policy noeviction", saves}},
		"evicting what expires": {[]string{"--maxmemory-policy", "volatile-ttl"}, nil,
			[]string{answers, keeps, tells, version, "warning: Redis evicts keys…(maxmemory-policy volatile-ttl)", saves}},
		"nothing on the disk": {[]string{"--appendonly", "no"}, nil,
			[]string{answers, keeps, tells, version, evicts, "warning: Redis writes nothing to its disk…set appendonly yes"}},
		"snapshots": {[]string{"--appendonly", "no", "--save", "3600 1"}, nil,
			[]string{answers, keeps, tells, version, evicts, "ok: Redis takes snapshots (save 3600 1)"}},
		"CONFIG renamed": {[]string{"--appendonly", "no", "--rename-command", "CONFIG", ""}, nil,
			[]string{answers, keeps, tells, version, evicts, "skipped: Redis has no append-only file and does not tell…unknown command"}},
		"CONFIG forbidden": {[]string{"--appendonly", "no"}, user("-config"),
			[]string{answers, keeps, tells, version, evicts, "skipped: Redis has no append-only file and does not tell…NOPERM"}},
		"INFO forbidden": {nil, user("-info"),
			[]string{answers, keeps, tells, "skipped: Redis does not tell its version, eviction and persistence (NOPERM…noeviction"}},

		"no password": {[]string{"--requirepass", "right"}, nil,
			[]string{"fault: Redis does not answer: NOAUTH…set redis.password"}},
		"wrong password": {[]string{"--requirepass", "right"}, func(_ *sessiontest.RedisServer, c *redisstore.Config) {
			c.Password = secret.New("hunter2")
		}, []string{"fault: Redis does not answer: WRONGPASS…correct redis.username and password"}},
		"right password": {[]string{"--requirepass", "right"}, func(_ *sessiontest.RedisServer, c *redisstore.Config) {
			c.Password = secret.New("right")
		}, []string{answers, keeps, tells, version, evicts, saves}},
		"the least rights": {nil, func(s *sessiontest.RedisServer, c *redisstore.Config) {
			user(c.ACLRules()...)(s, c)
		}, []string{answers, keeps, tells, version, evicts, saves}},
		"no channel of changes": {nil, user("resetchannels", "&stagedoor:*"), []string{answers, keeps, mute, version, evicts, saves}},
		"no tracking": {nil, user("-client|tracking"), []string{answers, keeps,
			"warning: Redis tells the gateway of logouts alone (Redis says NOPERM)…+client|tracking", version, evicts, saves}},
		"other keys": {nil, user("resetkeys", "~other:*"),
			[]string{answers, "fault: Redis answers but cannot keep sessions: …give the user of redis.username its rights: ACL SETUSER gateway resetkeys ~stagedoor:* ", tells, version, evicts, saves}},
		"no channels": {nil, user("resetchannels"),
			[]string{answers, "fault: Redis answers but cannot keep sessions: …&stagedoor:* &__redis__:invalidate ", mute, version, evicts, saves}},
		"a replica": {nil, func(s *sessiontest.RedisServer, _ *redisstore.Config) {
			do(t, s, "REPLICAOF", "127.0.0.1", "1")
		}, []string{answers, "fault: Redis answers but cannot keep sessions: READONLY…name the primary", tells, version, evicts, saves}},
		"full": {nil, func(s *sessiontest.RedisServer, _ *redisstore.Config) {
			do(t, s, "CONFIG", "SET", "maxmemory", "1")
		}, []string{answers, "fault: Redis answers but cannot keep sessions: OOM…raise maxmemory", tells, version, evicts, saves}},
		"no such database": {nil, func(_ *sessiontest.RedisServer, c *redisstore.Config) { c.Database = 99 },
			[]string{"fault: Redis does not answer: …correct redis.database"}},
		"TLS where there is none": {nil, func(_ *sessiontest.RedisServer, c *redisstore.Config) {
			c.TLS.Enabled, c.Timeout = true, 50*time.Millisecond // Redis waits for more of what it takes for a command
		}, []string{"fault: Redis does not answer: nothing came within redis.timeout (50ms)…redis.tls"}},
		"hanging": {nil, func(s *sessiontest.RedisServer, c *redisstore.Config) {
			c.Timeout = 50 * time.Millisecond
			s.Pause()
		}, []string{"fault: Redis does not answer: nothing came within redis.timeout (50ms)"}},
		"down": {nil, func(s *sessiontest.RedisServer, _ *redisstore.Config) { s.Stop() },
			[]string{"fault: Redis does not answer: …connection refused; look whether it runs"}},
	} {
		t.Run(name, func(t *testing.T) {
			server := sessiontest.StartRedis(t, test.args...)
			config := server.Config()
			if test.change != nil {
				test.change(server, &config)
			}
			expectFindings(t, sessiontest.OpenRedis(t, config).Inspect(t.Context()), test.want)
			if name == "all is well" {
				if keys, err := server.Do("KEYS", "*"); err != nil || len(keys.([]any)) > 0 {
					t.Errorf("Inspect leaves %v (%v)", keys, err)
				}
			}
		})
	}
}

// TestInspectCluster asks every master.
func TestInspectCluster(t *testing.T) {
	nodes := sessiontest.StartRedisCluster(t, 3)
	do(t, nodes[1], "CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
	config := nodes[0].Config()
	want := []string{"ok: Redis answers", "ok: The Redis cluster has 3 masters, which serve all slots",
		"warning: Of the Redis cluster's masters …no replica", "ok: Redis keeps sessions: ", "ok: Redis tells the gateway of changes"}
	config.Addresses = nil
	for i, node := range nodes {
		config.Addresses = append(config.Addresses, node.Addr())
		eviction := "ok: Redis at %s evicts nothing"
		if i == 1 {
			eviction = "warning: Redis at %s evicts keys"
		}
		for _, format := range []string{eviction, "ok: Redis at %s has version", "ok: Redis at %s keeps sessions over a restart"} {
			want = append(want, fmt.Sprintf(format, node.Addr()))
		}
	}
	key := func(finding string) string { // sorted by what follows the severity
		_, text, _ := strings.Cut(finding, ": ")
		return text
	}
	slices.SortFunc(want[5:], func(a, b string) int { return strings.Compare(key(a), key(b)) })
	expectFindings(t, sessiontest.OpenRedis(t, config).Inspect(t.Context()), want)

	config.Addresses = config.Addresses[:1]
	single := sessiontest.OpenRedis(t, config)
	sessiontest.Eventually(t, 5*time.Second, "a probe falls to another node", func() bool {
		return slices.ContainsFunc(single.Inspect(t.Context()), func(f redisstore.Finding) bool {
			return f.Severity == redisstore.Problem && strings.Contains(f.Text, "name several of its nodes")
		})
	})
}

// TestInspectTLS names what is wrong with a certificate.
func TestInspectTLS(t *testing.T) {
	ours := newAuthority(t)
	cert, key := ours.issue(t, "server")
	ca, strangeCA := filepath.Join(ours.dir, "ca.pem"), filepath.Join(newAuthority(t).dir, "ca.pem")
	address := sessiontest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	server := sessiontest.StartRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
		"--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
	for address, trust := range map[string][2]string{
		"127.0.0.1:" + port: {strangeCA, "fault: Redis does not answer: …redis.tls.ca_file"},
		"localhost:" + port: {ca, "fault: Redis does not answer: …name Redis in redis.addresses as its certificate does"},
	} {
		config := server.Config()
		config.Addresses, config.TLS = []string{address}, redisstore.TLSConfig{Enabled: true, CAFile: trust[0]}
		expectFindings(t, sessiontest.OpenRedis(t, config).Inspect(t.Context()), []string{trust[1]})
	}
}

func expectFindings(t *testing.T, got []redisstore.Finding, want []string) {
	t.Helper()
	var lines []string
	for _, f := range got {
		lines = append(lines, fmt.Sprintf("%s: %s", f.Severity, f.Text))
	}
	matches := len(lines) == len(want)
	for i := 0; matches && i < len(want); i++ {
		begin, part, _ := strings.Cut(want[i], "…")
		matches = strings.HasPrefix(lines[i], begin) && strings.Contains(lines[i], part)
	}
	if !matches {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	if strings.Contains(strings.Join(lines, "\n"), "hunter2") {
		t.Errorf("a finding shows the password:\n%s", strings.Join(lines, "\n"))
	}
}

func do(t *testing.T, server *sessiontest.RedisServer, command ...string) {
	t.Helper()
	if _, err := server.Do(command...); err != nil {
		t.Fatalf("%v: %v", command, err)
	}
}

func wantError(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

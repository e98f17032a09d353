package sessiontest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagedoor/session/redisstore"
)

const (
	// startTime bounds the start of a server, stopTime its orderly end.
	startTime = 15 * time.Second
	stopTime  = 5 * time.Second
	// startTries is how many ports are tried: another program may take one before the server does.
	startTries = 5
	// roomyTimeout is the timeout in Config: tests of what works shall not fail because the machine is busy.
	roomyTimeout = 5 * time.Second
)

// RedisServer is a redis-server process on 127.0.0.1 with a folder of its own. Its methods are for the test's goroutine,
// except Do, and fail the test when they cannot do their work.
type RedisServer struct {
	t       testing.TB
	address string
	dir     string
	args    []string
	process *os.Process
	exited  chan struct{} // closed when the process has ended
	output  *bytes.Buffer // readable once exited is closed
}

// The user of a server of StartRedis with the least rights that a gateway needs, if it uses the default prefix.
const (
	LeastUser     = "least"
	LeastPassword = "least-rights-5c1d"
)

// StartRedis starts a server and waits until it answers; it ends with the test. Every write goes into its append-only
// file, so that nothing is lost over Stop and Start. Args follow those that it starts with, such as "--requirepass", "x".
// Beside the default user, who may do everything, it has LeastUser.
func StartRedis(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	least := append([]string{"--user", LeastUser, "on", ">" + LeastPassword}, redisstore.DefaultConfig().ACLRules()...)
	return startServer(t, slices.Concat([]string{"--save", "", "--appendonly", "yes", "--appendfsync", "no"}, least, args)...)
}

// Denied returns what the server has rejected because of somebody's rights, as ACL LOG tells.
func (s *RedisServer) Denied() []any {
	s.t.Helper()
	denied, _ := s.must("ACL", "LOG").([]any)
	return denied
}

// startServer starts a redis-server with nothing but args, its address and its folder.
func startServer(t testing.TB, args ...string) *RedisServer {
	t.Helper()
	_, err := exec.LookPath("redis-server")
	Require(t, "redis", "Install redis-server (Debian: apt-get install redis-server; macOS: brew install redis).", err == nil)
	s := &RedisServer{t: t, dir: t.TempDir(), args: args}
	t.Cleanup(s.kill)
	for try := 1; ; try++ {
		s.address = FreeAddress(t)
		started, output := s.run()
		if started {
			return s
		}
		if try == startTries || !strings.Contains(output, "Address already in use") {
			t.Fatalf("redis-server did not start:\n%s", output)
		}
	}
}

// FreeAddress returns an address of 127.0.0.1 that nobody listens on now. Its port is below those that systems give to
// clients and to listeners on any port (RFC 6335, section 6), so that it stays free while a server restarts.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(10_000+rand.N(20_000)))
		listener, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close() // it has served its purpose
		return address
	}
}

// Addr returns the server's host:port.
func (s *RedisServer) Addr() string { return s.address }

// Port returns the server's port.
func (s *RedisServer) Port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// Config returns a configuration for the server: the defaults, but for a timeout that suits a busy machine.
func (s *RedisServer) Config() redisstore.Config {
	c := redisstore.DefaultConfig()
	c.Addresses = []string{s.address}
	c.Timeout = roomyTimeout
	return c
}

// Stop ends the server in an orderly way, as an operator would. Its data and its port stay for Start.
func (s *RedisServer) Stop() {
	s.t.Helper()
	s.signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopTime):
		s.t.Fatalf("redis-server %d did not stop within %v", s.process.Pid, stopTime)
	}
}

// Kill ends the server as a crash does. What it has written to its file stays for Start, and so does its port.
func (s *RedisServer) Kill() {
	s.t.Helper()
	s.signal(syscall.SIGKILL)
	<-s.exited
}

// Lose deletes what the server has written to its file, after Stop or Kill: Start begins with nothing.
func (s *RedisServer) Lose() {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, "appendonlydir")); err != nil {
		s.t.Fatal(err)
	}
}

// Start starts the server again after Stop or Kill, on the same port and with the same data, and waits until it answers.
func (s *RedisServer) Start() {
	s.t.Helper()
	if started, output := s.run(); !started {
		s.t.Fatalf("redis-server did not start again:\n%s", output)
	}
}

// Pause freezes the server: it still accepts connections and never answers, as a machine that hangs.
func (s *RedisServer) Pause() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
}

// Resume lets a paused server go on.
func (s *RedisServer) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

// Advance lets d pass for every key that expires: the test need not wait for it.
func (s *RedisServer) Advance(d time.Duration) {
	s.t.Helper()
	const script = `for _, key in ipairs(redis.call('KEYS', '*')) do
	local left = redis.call('PTTL', key)
	if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end`
	if _, err := s.Do("EVAL", script, "0", strconv.FormatInt(d.Milliseconds(), 10)); err != nil {
		s.t.Fatalf("let %v pass in Redis: %v", d, err)
	}
}

// run starts the process and reports whether it answers; if it does not, the process has ended and output says why.
func (s *RedisServer) run() (started bool, output string) {
	s.t.Helper()
	s.output = &bytes.Buffer{}
	place := []string{"--port", s.Port(), "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no"}
	command := exec.Command("redis-server", slices.Concat(s.args, place)...)
	command.Stdout, command.Stderr = s.output, s.output
	if err := command.Start(); err != nil {
		s.t.Fatalf("start redis-server: %v", err)
	}
	s.process, s.exited = command.Process, make(chan struct{})
	go func() {
		defer close(s.exited)
		_ = command.Wait() // a killed server is no fault
	}()
	Eventually(s.t, startTime, "redis-server answers or gives up", func() bool {
		started = s.answers()
		return started || s.ended()
	})
	if s.ended() {
		return false, s.output.String()
	}
	return true, ""
}

// answers reports whether the server is ready; one that asks for a password is.
func (s *RedisServer) answers() bool {
	_, err := s.Do("PING")
	return err == nil || strings.HasPrefix(err.Error(), "NOAUTH")
}

func (s *RedisServer) ended() bool {
	select {
	case <-s.exited:
		return true
	default:
		return false
	}
}

func (s *RedisServer) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.process.Signal(signal); err != nil {
		s.t.Fatalf("send %v to redis-server %d: %v", signal, s.process.Pid, err)
	}
}

// kill ends the process for good, paused or not.
func (s *RedisServer) kill() {
	if s.process != nil {
		_ = s.process.Kill() // it may have ended already
		<-s.exited
	}
}

package redisstore_test

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// A server that does not know AUTH answers with the arguments that it was given, and one that is no Redis may answer with
// anything that it was sent.
func TestRedisErrorsHoldNoPassword(t *testing.T) {
	const password = "correct-horse-battery"
	strange := sessiontest.StartRedis(t, "--rename-command", "AUTH", "", "--rename-command", "HELLO", "")
	echo := echoServer(t)
	for name, address := range map[string]string{"Redis without AUTH": strange.Addr(), "an echo": echo} {
		for user, word := range map[string]string{"": password, "gateway": password, "long": strings.Repeat(password, 9)} {
			core, logs := observer.New(zapcore.DebugLevel)
			c := strange.Config()
			c.Addresses, c.Username, c.Password = []string{address}, user, secret.New(word)
			store, err := redisstore.New(c, zap.New(core))
			if err != nil {
				t.Fatal(err)
			}
			err = store.Ping(t.Context())
			wantError(t, name, err, session.ErrStoreUnavailable)
			text := fmt.Sprint(err)
			for _, line := range logs.All() {
				text += "\n" + line.Message
			}
			if strings.Contains(text, password[:12]) {
				t.Errorf("%s, user %q: the password is in %s", name, user, text)
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// echoServer sends back what it gets.
func echoServer(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil { // the test is over
				return
			}
			go func() {
				defer func() { _ = connection.Close() }()
				heard := make([]byte, 4<<10)
				for {
					n, err := connection.Read(heard)
					if err != nil {
						return
					}
					_, _ = connection.Write(heard[:n])
				}
			}()
		}
	}()
	return listener.Addr().String()
}

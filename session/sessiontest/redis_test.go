package sessiontest_test

import (
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

func TestRedisServerKeepsItsDataOverARestart(t *testing.T) {
	server := sessiontest.StartRedis(t)
	if _, err := server.Do("SET", "key", "line one\r\nline two"); err != nil {
		t.Fatal(err)
	}
	address := server.Addr()
	server.Stop()
	if reply, err := server.Do("GET", "key"); err == nil {
		t.Fatalf("a stopped server answered %v", reply)
	}
	server.Start()
	if server.Addr() != address {
		t.Errorf("the server moved from %s to %s", address, server.Addr())
	}
	if reply, err := server.Do("GET", "key"); reply != "line one\r\nline two" {
		t.Errorf("got %q and error %v", reply, err)
	}
}

func TestRedisServerAdvance(t *testing.T) {
	server := sessiontest.StartRedis(t)
	for _, command := range [][]string{
		{"SET", "short", "1", "PX", "10000"}, {"SET", "long", "1", "PX", "90000"}, {"SET", "forever", "1"},
	} {
		if _, err := server.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	server.Advance(20 * time.Second)
	reply, err := server.Do("MGET", "short", "long", "forever")
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := reply.([]any); !ok || got[0] != nil || got[1] != "1" || got[2] != "1" {
		t.Errorf("after 20s the keys of 10s, 90s and without end are %v", reply)
	}
}

func TestRedisServerReportsErrorReplies(t *testing.T) {
	server := sessiontest.StartRedis(t, "--requirepass", "correct horse")
	if reply, err := server.Do("GET", "key"); err == nil {
		t.Errorf("a server with a password answered %v without it", reply)
	}
}

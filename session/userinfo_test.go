package session

import (
	"strings"
	"testing"
)

func TestRedisAddressFaultHidesThePassword(t *testing.T) {
	config := DefaultRedisConfig()
	config.Addresses = []string{"redis://user:hunt er2@redis:6379"}
	want := `"[redacted]@redis:6379" is no address; write host:port, such as 127.0.0.1:6379`
	if got := faults(config.Validate)["addresses[0]"]; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	config.Addresses = []string{
		"user:hunter2@redis:6379", "hunter2@:6379", "hunter2@redis:6379:1", "redis:6379,password=hunter2",
		"redis://redis:6379?password=hunter2",
	}
	for field, problem := range faults(config.Validate) {
		if strings.Contains(problem, "hunter2") {
			t.Errorf("%s: %s", field, problem)
		}
	}
}

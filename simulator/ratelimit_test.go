package simulator_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"stagedoor/simulator"
)

// expectCalls makes calls one after the other and compares "status Retry-After" of each.
func expectCalls(t *testing.T, s *stage, token string, want ...string) {
	t.Helper()
	for i, w := range want {
		a := s.api(token, "GET", "/me", "")
		got := strings.TrimSpace(http.StatusText(a.StatusCode) + " " + a.Header.Get("Retry-After"))
		if got != w {
			t.Errorf("call %d: %q, want %q", i+1, got, w)
		}
	}
}

const tooMany = "Too Many Requests"

func TestRateLimit(t *testing.T) {
	s := newStage(t, nil)
	ada, ben := s.grant("ada").AccessToken, s.grant("ben").AccessToken
	expectCalls(t, s, ada, "OK", "OK", "OK", "OK") // no limit at first
	if err := s.SetRateLimit(simulator.RateLimit{Calls: 3, Window: simulator.Duration(10 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, s, ada, "OK")
	s.clock.advance(4 * time.Second)
	expectCalls(t, s, ben, "OK", "OK", tooMany+" 6", tooMany+" 6") // of all users together
	s.clock.advance(6 * time.Second)
	expectCalls(t, s, ada, "OK", tooMany+" 4") // the window rolls
	if err := s.SetRateLimit(simulator.RateLimit{Calls: -1}); err == nil {
		t.Error("a negative limit was taken")
	}
}

func TestBanGrows(t *testing.T) {
	s := newStage(t, nil)
	ada := s.grant("ada").AccessToken
	limit := simulator.RateLimit{
		Calls: 1, Ban: simulator.Duration(time.Minute), Grow: simulator.Duration(10 * time.Second), Reason: "QUOTA_EXCEEDED",
	}
	if err := s.SetRateLimit(limit); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, s, ada, "OK", tooMany+" 60", tooMany+" 70", tooMany+" 80")
	if a := s.api(ada, "GET", "/me", ""); !strings.Contains(a.body, `"reason":"QUOTA_EXCEEDED"`) {
		t.Errorf("the body is %s", a.body)
	}
	s.clock.advance(90 * time.Second)
	expectCalls(t, s, ada, "OK")
	limit = simulator.RateLimit{RetryAfter: "none"}
	if err := s.SetRateLimit(limit); err != nil {
		t.Fatal(err)
	}
	if err := s.Ban("gateway", 5*time.Second); err != nil {
		t.Fatal(err)
	}
	expectCalls(t, s, ada, tooMany)
	s.clock.advance(5 * time.Second)
	expectCalls(t, s, ada, "OK", "OK")
	if err := s.Ban("nobody", time.Second); err == nil {
		t.Error("an unknown client was banned")
	}
}

func TestCachingCanBeOff(t *testing.T) {
	s := newStage(t, nil)
	ada := s.grant("ada").AccessToken
	if a := s.api(ada, "GET", "/me", ""); a.Header.Get("Cache-Control") == "" {
		t.Error("no Cache-Control as recorded")
	}
	s.SetCaching(false)
	if a := s.api(ada, "GET", "/me", ""); a.Header.Get("Cache-Control")+a.Header.Get("Etag") != "" {
		t.Errorf("the header is %v", a.Header)
	}
}

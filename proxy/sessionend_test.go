package proxy

import (
	"testing"

	"stagedoor/internal/outcome"
	"stagedoor/session"
)

// TestAccessLineOfAnEndedSession sends a dead cookie: the log says why its session ended, for a fetch and for a navigation.
func TestAccessLineOfAnEndedSession(t *testing.T) {
	s := newStage(t)
	s.sessions.findErr = &session.EndedError{Reason: outcome.EndIdle}
	s.get("/api/me", loggedIn()).rejected(t, 401, "LOGIN_REQUIRED")
	s.get("/api/me", loggedIn("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Sec-Fetch-Site: none")).rejected(t, 302, "LOGIN_REQUIRED")
	for i := range 2 {
		if got := s.accessLine(i).ContextMap(); got["session_end"] != "idle" || got["reason"] != "LOGIN_REQUIRED" {
			t.Errorf("the line is %v", got)
		}
	}
	s.sessions.findErr = session.ErrNoSession
	s.get("/api/me", loggedIn()).rejected(t, 401, "LOGIN_REQUIRED")
	if got := s.accessLine(2).ContextMap(); got["session_end"] != nil {
		t.Errorf("a made-up cookie: %v", got)
	}
}

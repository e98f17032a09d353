package e2e

import (
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// TestAnotherClientID restarts the gateway with another app's client id and secret, as when staging's are configured in
// production by mistake, and a minute later with the right ones. Meanwhile people work and are
// told to log in; no session is lost afterwards.
func TestAnotherClientID(t *testing.T) {
	t.Parallel()
	const other = "fedcba98765432100123456789abcdef"
	w := stage.NewWorld(t, stage.Options{Users: 2, Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.UserRoute, stage.RadioRoute)})
	w.Rotate()
	crowd, p := w.Crowd(2), w.Replicas[0]
	w.ConnectAccount(t, "radio", crowd[0].User)
	w.Spotify.ExpireAccessTokens()

	edit(p, "client_id: "+stage.ClientID, "client_id: "+other)
	p.Restart()
	for range 3 {
		for _, f := range crowd {
			f.Get("/api/me").Expect(t, "with another client id", http.StatusUnauthorized, "LOGIN_REQUIRED")
		}
		w.Visitor().Get(stage.NowPlaying).Expect(t, "the account, with another client id", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED")
	}
	if lines := p.Logged(func(l stage.LogLine) bool { return strings.Contains(l.Msg, "another spotify.client_id") }); len(lines) != 1 {
		t.Errorf("the log tells %d times of another client id, want once", len(lines))
	}
	if calls := w.Spotify.Counts().TokenCalls["refresh_token"]; calls != 0 {
		t.Errorf("%d refreshes were tried with another client id", calls)
	}

	edit(p, "client_id: "+other, "client_id: "+stage.ClientID)
	p.Restart()
	for _, f := range crowd {
		f.ExpectMe(f.User)
	}
	w.Visitor().Get(stage.NowPlaying).Expect(t, "the account", http.StatusNoContent, "")
}

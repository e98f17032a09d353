package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestAnotherClientID restarts the gateway with another app's client id and secret, as when staging's are configured in
// production by mistake, and a minute later with the right ones. Meanwhile people work and are
// told to log in; nobody has lost anything afterwards.
func TestAnotherClientID(t *testing.T) {
	t.Parallel()
	const other = "fedcba98765432100123456789abcdef"
	w := newWorld(t, options{users: 2, accounts: radio, routes: pages{}.route(t, userRoute, radioRoute)})
	w.rotate()
	crowd, p := w.crowd(2), w.replicas[0]
	w.connectAccount(t, "radio", crowd[0].user)
	w.spotify.ExpireAccessTokens()

	p.edit("client_id: "+clientID, "client_id: "+other)
	p.restart()
	for range 3 {
		for _, f := range crowd {
			f.get("/api/me").expect(t, "with another client id", http.StatusUnauthorized, "LOGIN_REQUIRED")
		}
		w.visitor().get(nowPlaying).expect(t, "the account, with another client id", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED")
	}
	if lines := p.logged(func(l logLine) bool { return strings.Contains(l.Msg, "another spotify.client_id") }); len(lines) != 1 {
		t.Errorf("the log tells %d times of another client id, want once", len(lines))
	}
	if calls := w.spotify.Counts().TokenCalls["refresh_token"]; calls != 0 {
		t.Errorf("%d refreshes were tried with another client id", calls)
	}

	p.edit("client_id: "+other, "client_id: "+clientID)
	p.restart()
	for _, f := range crowd {
		f.expectMe(f.user)
	}
	w.visitor().get(nowPlaying).expect(t, "the account", http.StatusNoContent, "")
}

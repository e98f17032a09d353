package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestUserOrApp follows a route that speaks for the user, if there is one, else for the app: before a login, after it,
// and when the session breaks in each of the two ways.
func TestUserOrApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 2, routes: pages{}.route(t, userOrAppRoute), quota: "cache: 0"}) // each call shall be seen
	v := w.visitor()
	v.expectCatalogue("before the login", "", false)
	if a := v.get("/any/me"); a.status != http.StatusUnauthorized || a.reason() != "" {
		t.Errorf("before the login GET /me answered %d %s %s, want Spotify's own refusal", a.status, a.reason(), a.body)
	}

	v.login("ada")
	v.expectCatalogue("after the login", "", true)
	if a := v.get("/any/me"); a.status != http.StatusOK || !strings.Contains(a.body, `"ada"`) {
		t.Errorf("after the login GET /me answered %d %s", a.status, a.body)
	}

	if count := w.forget("*{session:*}"); count != 1 {
		t.Fatalf("%d sessions were deleted, want one", count)
	}
	v.awaitOnAllReplicas("with a session that is gone", "/any/me", "401 LOGIN_REQUIRED")
	v.expectUserRefused("LOGIN_REQUIRED")
	v.expectCatalogue("with a session that is gone", "LOGIN_REQUIRED", false)

	v.login("ada")
	if _, err := w.spotify.RevokeUser("ada"); err != nil {
		t.Fatal(err)
	}
	v.expectUserRefused("REAUTHORIZATION_REQUIRED")
	v.expectCatalogue("with a grant that Spotify ended", "REAUTHORIZATION_REQUIRED", false)

	v.login("ada")
	v.expectCatalogue("after the next login", "", true)
	if a := v.do(http.MethodPost, "/auth/logout", ""); a.status != http.StatusNoContent {
		t.Fatalf("the logout answered %d %s", a.status, a.body)
	}
	v.expectCatalogue("after the logout", "", false)
}

// expectCatalogue wants an answer with a reason beside it, or none, that Spotify gave to the user or to the app.
func (v *visitor) expectCatalogue(when, reason string, user bool) {
	v.t.Helper()
	for i := range v.w.replicas {
		v.w.through(i)
		a := v.get("/any/" + catalogue)
		if a.status != http.StatusOK || a.reason() != reason {
			v.t.Errorf("%s replica %d answers %d %q, want 200 %q: %.200s", when, i, a.status, a.reason(), reason, a.body)
			continue
		}
		labels := v.w.labels("/v1/search")
		if got := strings.HasPrefix(labels[len(labels)-1], "ada/"); got != user {
			v.t.Errorf("%s the token is %q; the user's should be %t", when, labels[len(labels)-1], user)
		}
		if !strings.Contains(a.header.Get("Vary"), "Cookie") {
			v.t.Errorf("%s Vary is %q", when, a.header.Get("Vary"))
		}
	}
}

// expectUserRefused wants everything that is about a user to be refused, without a call to Spotify in the app's name.
func (v *visitor) expectUserRefused(reason string) {
	v.t.Helper()
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, "/any/me"}, {http.MethodGet, "/any/me/playlists"}, {http.MethodPut, "/any/me/player/pause"},
		{http.MethodPost, "/any/playlists/x/items"},
	} {
		v.do(call.method, call.path, "").
			expect(v.t, call.method+" "+call.path, http.StatusUnauthorized, reason, `"login_url":"/auth/login"`)
	}
}

package e2e

import (
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
)

// TestUserOrApp follows a route that speaks for the user, if there is one, else for the app: before a login, after it,
// and when the session breaks in each of the two ways.
func TestUserOrApp(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 2, Routes: stage.Pages{}.Route(t, stage.UserOrAppRoute), Quota: "cache: 0"}) // each call shall be seen
	v := w.Visitor()
	expectCatalogue(v, "before the login", "", false)
	if a := v.Get("/any/me"); a.Status != http.StatusUnauthorized || a.Reason() != "" {
		t.Errorf("before the login GET /me answered %d %s %s, want Spotify's own refusal", a.Status, a.Reason(), a.Body)
	}

	v.Login("ada")
	expectCatalogue(v, "after the login", "", true)
	if a := v.Get("/any/me"); a.Status != http.StatusOK || !strings.Contains(a.Body, `"ada"`) {
		t.Errorf("after the login GET /me answered %d %s", a.Status, a.Body)
	}

	if count := w.Forget("*{session:*}"); count != 1 {
		t.Fatalf("%d sessions were deleted, want one", count)
	}
	v.AwaitOnAllReplicas("with a session that is gone", "/any/me", "401 LOGIN_REQUIRED")
	expectUserRefused(v, "LOGIN_REQUIRED")
	expectCatalogue(v, "with a session that is gone", "LOGIN_REQUIRED", false)

	v.Login("ada")
	if _, err := w.Spotify.RevokeUser("ada"); err != nil {
		t.Fatal(err)
	}
	expectUserRefused(v, "REAUTHORIZATION_REQUIRED")
	expectCatalogue(v, "with a grant that Spotify ended", "REAUTHORIZATION_REQUIRED", false)

	v.Login("ada")
	expectCatalogue(v, "after the next login", "", true)
	if a := v.Do(http.MethodPost, "/auth/logout", ""); a.Status != http.StatusNoContent {
		t.Fatalf("the logout answered %d %s", a.Status, a.Body)
	}
	expectCatalogue(v, "after the logout", "", false)
}

// expectCatalogue wants an answer with a reason beside it, or none, that Spotify gave to the user or to the app.
func expectCatalogue(v *stage.Visitor, when, reason string, user bool) {
	v.T.Helper()
	for i := range v.W.Replicas {
		v.W.Through(i)
		a := v.Get("/any/" + stage.Catalogue)
		if a.Status != http.StatusOK || a.Reason() != reason {
			v.T.Errorf("%s replica %d answers %d %q, want 200 %q: %.200s", when, i, a.Status, a.Reason(), reason, a.Body)
			continue
		}
		labels := v.W.Labels("/v1/search")
		if got := strings.HasPrefix(labels[len(labels)-1], "ada/"); got != user {
			v.T.Errorf("%s the token is %q; the user's should be %t", when, labels[len(labels)-1], user)
		}
		if !strings.Contains(a.Header.Get("Vary"), "Cookie") {
			v.T.Errorf("%s Vary is %q", when, a.Header.Get("Vary"))
		}
	}
}

// expectUserRefused wants everything that is about a user to be refused, without a call to Spotify in the app's name.
func expectUserRefused(v *stage.Visitor, reason string) {
	v.T.Helper()
	for _, call := range []struct{ method, path string }{
		{http.MethodGet, "/any/me"}, {http.MethodGet, "/any/me/playlists"}, {http.MethodPut, "/any/me/player/pause"},
		{http.MethodPost, "/any/playlists/x/items"},
	} {
		v.Do(call.method, call.path, "").
			Expect(v.T, call.method+" "+call.path, http.StatusUnauthorized, reason, `"login_url":"/auth/login"`)
	}
}

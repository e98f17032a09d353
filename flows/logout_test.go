package flows

import (
	"net/http"
	"slices"
	"testing"

	"stagedoor/internal/httperror"
)

// A script gets 204, a form gets a page to go on with.
func TestLogout(t *testing.T) {
	for name, test := range map[string]struct {
		header   []string
		status   int
		location string
	}{
		"fetch":               {[]string{"Sec-Fetch-Mode", "cors"}, 204, ""},
		"fetch that takes it": {[]string{"Sec-Fetch-Mode", "same-origin", "Accept", "text/html"}, 204, ""},
		"form":                {[]string{"Sec-Fetch-Mode", "navigate"}, 303, "/"},
		"old browser's form":  {[]string{"Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}, 303, "/"},
		"script":              {nil, 204, ""},
		"script with Accept":  {[]string{"Accept", "*/*"}, 204, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b, other := g.browser(), g.browser()
			b.login("")
			other.login("")
			id := b.cookie("stagedoor")
			for range 2 { // twice is fine
				a := b.do(http.MethodPost, "/auth/logout", test.header...)
				b.expect(a, test.status, "")
				if got := a.Header.Get("Location"); got != test.location || a.body != "" {
					t.Errorf("Location is %q and the body %q", got, a.body)
				}
				if b.cookie("stagedoor") != "" || b.loggedIn() {
					t.Error("the browser still has its session")
				}
			}
			thief := g.browser()
			thief.plant("stagedoor", id)
			if thief.loggedIn() {
				t.Error("the session lives on under its old cookie")
			}
			if !other.loggedIn() {
				t.Error("the user's other browser was logged out too")
			}
			if want := []string{"login ok", "login ok", "logout ok"}; !slices.Equal(g.audits(), want) {
				t.Errorf("the audit lines are %q, want %q", g.audits(), want)
			}
		})
	}
}

// Everywhere means all of this user's browsers and no other user's, and a word that is neither true nor false is refused.
func TestLogoutEverywhere(t *testing.T) {
	g := newGateway(t, nil)
	stranger := g.browser()
	g.spotify.answerMe(answerJSON(http.StatusOK, `{"id":"stranger"}`))
	stranger.login("")
	g.spotify.answerMe(answerJSON(http.StatusOK, listenerProfile))
	here, there := g.browser(), g.browser()
	here.login("")
	there.login("")

	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=true&everywhere=false"), http.StatusBadRequest, httperror.InvalidRequest)
	g.store.fail(everything)
	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=true"), http.StatusServiceUnavailable, httperror.StoreUnavailable)
	g.store.fail(nil)
	if !here.loggedIn() || !there.loggedIn() {
		t.Fatal("a logout that failed ended a session")
	}
	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=true"), http.StatusNoContent, "")
	if here.loggedIn() || there.loggedIn() || !stranger.loggedIn() {
		t.Errorf("logged in are: here %v, there %v, a stranger %v", here.loggedIn(), there.loggedIn(), stranger.loggedIn())
	}
	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=true"), http.StatusNoContent, "")

	here.login("")
	there.login("")
	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=no"), http.StatusBadRequest, httperror.InvalidRequest)
	here.expect(here.do(http.MethodPost, "/auth/logout?everywhere=false"), http.StatusNoContent, "")
	if here.loggedIn() || !there.loggedIn() {
		t.Error("everywhere=false did not log out just this browser")
	}
}

// A cookie that names no session is taken away like any other.
func TestLogoutWithoutSession(t *testing.T) {
	for _, value := range []string{"", "nonsense", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"} {
		b := newGateway(t, nil).browser()
		if value != "" {
			b.plant("stagedoor", value)
		}
		b.expect(b.do(http.MethodPost, "/auth/logout"), http.StatusNoContent, "")
		if got := b.cookie("stagedoor"); got != "" {
			t.Errorf("the cookie is still %q", got)
		}
	}
}

// Never a false success: while the store is down no answer says that the user is logged out, and the cookie stays.
func TestLogoutWhileTheStoreIsDown(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	b.login("")
	id := b.cookie("stagedoor")
	for name, down := range map[string]func(operation, kind string) bool{
		"altogether": everything,
		"to delete":  func(operation, _ string) bool { return operation == "delete" },
	} {
		for _, mode := range []string{"cors", "navigate"} {
			g.store.fail(down)
			a := b.do(http.MethodPost, "/auth/logout", "Sec-Fetch-Mode", mode)
			b.expect(a, http.StatusServiceUnavailable, httperror.StoreUnavailable)
			if len(a.Cookies()) != 0 || b.cookie("stagedoor") != id || a.Header.Get("Retry-After") == "" {
				t.Errorf("%s: the cookies are %v, Retry-After is %q", name, a.Cookies(), a.Header.Get("Retry-After"))
			}
			g.store.fail(nil)
			if !b.loggedIn() {
				t.Errorf("%s: the session is gone", name)
			}
		}
	}
	b.expect(b.do(http.MethodPost, "/auth/logout"), http.StatusNoContent, "")
	if want := []string{"login ok", "logout ok"}; !slices.Equal(g.audits(), want) {
		t.Errorf("the audit lines are %q, want %q", g.audits(), want)
	}
}

func TestLogoutTakesOnlyPost(t *testing.T) {
	b := newGateway(t, nil).browser()
	b.login("")
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodDelete} {
		a := b.do(method, "/auth/logout", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
		b.expect(a, http.StatusMethodNotAllowed, httperror.MethodRefused)
		if a.Header.Get("Allow") != "POST" || !b.loggedIn() {
			t.Errorf("%s: Allow is %q, and the session may be gone", method, a.Header.Get("Allow"))
		}
	}
}

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestImplicitInChromium logs in with the implicit grant and then looks for the token where a page or a person could.
func TestImplicitInChromium(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	here := stage.Pages{"index.html": `<!doctype html><title>start</title><p id="start">start</p>`}
	here["page.html"] = `<!doctype html><title>page</title><p id="page">page</p>`
	w := stage.NewWorld(t, stage.Options{Public: true, Implicit: true, Spotify: stage.ImplicitFlow, Routes: here.Route(t, stage.UserRoute)})
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the page", chromedp.Navigate(w.Balancer.URL+"/"), chromedp.WaitVisible("#start"))
	stage.Act(t, tab, "log in", chromedp.Navigate(w.Balancer.URL+"/auth/login?return_to=/page.html"),
		chromedp.Click(`input[value="ada"]`), chromedp.Click(`button[value="agree"]`), chromedp.WaitVisible("#page"))
	status := stage.Fetched(t, tab, "/auth/session")
	if !strings.Contains(status, `"authenticated":true`) || !strings.Contains(status, `"id":"ada"`) {
		t.Fatalf("after the login the session is %s", status)
	}
	tokens := w.Bearers()
	if len(tokens) != 1 {
		t.Fatalf("the API has seen %d tokens, want the one that GET /me proved", len(tokens))
	}
	for place, held := range map[string]string{
		"address":  stage.Evaluate[string](t, tab, `location.href`),
		"referrer": stage.Evaluate[string](t, tab, `document.referrer`),
		"document": stage.Evaluate[string](t, tab, `document.documentElement.outerHTML`),
		"storage":  stage.Evaluate[string](t, tab, `JSON.stringify([{...localStorage}, {...sessionStorage}]) + document.cookie + history.state`),
		"timings":  stage.Evaluate[string](t, tab, `JSON.stringify(performance.getEntries())`),
		"history":  fmt.Sprint(stage.Read(t, tab, "the history", chromedp.NavigationEntries())),
		"session":  status,
		"log":      w.Replicas[0].Log(),
	} {
		if strings.Contains(held, tokens[0]) || strings.Contains(held, "access_token") {
			t.Errorf("the %s holds the token: %.300s", place, held)
		}
	}
	entries := stage.Read(t, tab, "the history", chromedp.NavigationEntries()).Entries
	for _, entry := range entries {
		if strings.Contains(entry.URL, "#") || strings.Contains(entry.UserTypedURL, "#") {
			t.Errorf("the history has a fragment: %q, typed %q", entry.URL, entry.UserTypedURL)
		}
	}
	if last := entries[len(entries)-1].URL; last != w.Balancer.URL+"/page.html" {
		t.Errorf("the history ends with %q", last)
	}
}

// TestImplicitExpiry checks that the session ends with its token, and that a new login goes on.
func TestImplicitExpiry(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Public: true, Implicit: true, Spotify: stage.ImplicitFlow, TokenLifetime: 2 * time.Second})
	v := w.Visitor()
	v.LoginImplicit("ada")
	sessiontest.Eventually(t, stage.StartTime, "the session ends with its token", func() bool { return !v.Status().Authenticated })
	if reason := v.Status().Reason; reason != "REAUTHORIZATION_REQUIRED" {
		t.Errorf("GET /auth/session says %q", reason)
	}
	var refused struct {
		Error struct {
			LoginURL string `json:"login_url"`
		}
	}
	a := v.Get("/api/me")
	if a.Decode(t, &refused); a.Status != http.StatusUnauthorized || a.Reason() != "REAUTHORIZATION_REQUIRED" ||
		refused.Error.LoginURL != "/auth/login" {
		t.Errorf("GET /api/me answers %d %s", a.Status, a.Body)
	}
	if calls := w.Spotify.Counts().TokenCalls; len(calls) != 0 {
		t.Errorf("the token endpoint was called: %v", calls)
	}
	v.LoginImplicit("ben")
	if a := v.Get("/api/me"); a.Status == http.StatusOK && !strings.Contains(a.Body, `"ben"`) {
		t.Errorf("after the next login GET /api/me answers %s", a.Body)
	}
}

// TestImplicitBadFragments hands over what is not an answer of Spotify's, and checks that each is refused, changes nothing, and that the
// true fragment still works where it has not been used.
func TestImplicitBadFragments(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Public: true, Implicit: true, Spotify: stage.ImplicitFlow})
	mine, other := w.Visitor(), w.Visitor()
	theirs := other.BeginImplicit("ben")
	fragment := mine.BeginImplicit("ada")
	state := "&state=" + parsedFragment(t, fragment).Get("state")
	for name, c := range map[string]struct{ method, fragment string }{
		"foreign state":          {http.MethodPost, theirs},
		"no state":               {http.MethodPost, strings.Replace(fragment, state, "", 1)},
		"unknown state":          {http.MethodPost, strings.Replace(fragment, "state=", "state=x", 1)},
		"doubled state":          {http.MethodPost, fragment + state},
		"doubled token":          {http.MethodPost, fragment + "&access_token=other"},
		"unreadable":             {http.MethodPost, "%zz"},
		"nothing":                {http.MethodPost, ""},
		"GET":                    {http.MethodGet, ""},
		"PUT":                    {http.MethodPut, fragment},
		"too large":              {http.MethodPost, fragment + "&more=" + strings.Repeat("x", 20<<10)},
		"the state of one's own": {http.MethodPost, "access_token=a%00b&token_type=Bearer&expires_in=60&state=x"},
	} {
		a := mine.Do(c.method, "/auth/fragment", c.fragment, "Content-Type", stage.FormType)
		if a.Status < 400 || a.Status >= 500 || a.Reason() == "" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
		if strings.Contains(a.Body, parsedFragment(t, fragment).Get("access_token")) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
	if mine.Status().Authenticated {
		t.Fatal("a fragment that was refused logged somebody in")
	}
	if a := mine.HandOver(fragment); a.Status != http.StatusOK {
		t.Fatalf("the true fragment answered %d %s", a.Status, a.Body)
	}
	if a := mine.HandOver(fragment); a.Status != http.StatusBadRequest {
		t.Errorf("a replayed state answered %d %s", a.Status, a.Body)
	}
	if got := mine.Status(); got.User.ID != "ada" {
		t.Errorf("after the replay the user is %q", got.User.ID)
	}
	if a := other.HandOver(theirs); a.Status != http.StatusOK {
		t.Errorf("the state that was tried in another browser is lost in its own: %d %s", a.Status, a.Body)
	}
}

func parsedFragment(t *testing.T, fragment string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(fragment)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// TestImplicitAnswersThatAreRefused covers what the consent page may send instead of a good token.
func TestImplicitAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Public: true, Implicit: true, Spotify: stage.ImplicitFlow})
	for name, c := range map[string]struct {
		change map[string]string
		status int
	}{
		"denied":               {map[string]string{"error": "access_denied"}, http.StatusForbidden},
		"another's error":      {map[string]string{"error": "<script>"}, http.StatusBadRequest},
		"no token":             {map[string]string{"access_token": ""}, http.StatusBadRequest},
		"another type":         {map[string]string{"token_type": "mac"}, http.StatusBadRequest},
		"a made-up token":      {map[string]string{"access_token": "made-up"}, http.StatusBadRequest},
		"a token with a break": {map[string]string{"access_token": "a\r\nX-Evil: 1"}, http.StatusBadRequest},
	} {
		v := w.Visitor()
		values := parsedFragment(t, v.BeginImplicit("ada"))
		for key, value := range c.change {
			values.Set(key, value)
		}
		a := v.HandOver(values.Encode())
		if a.Status != c.status || a.Reason() == "" || strings.Contains(a.Body, "<script>") {
			t.Errorf("%s: answered %d %s, want %d", name, a.Status, a.Body, c.status)
		}
		if v.Status().Authenticated {
			t.Errorf("%s: logged in", name)
		}
	}
}

// TestFragmentOfOtherFlows checks that the endpoint is not there where the flow has no use for it.
func TestFragmentOfOtherFlows(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	if a := w.Visitor().HandOver("access_token=x&token_type=Bearer&state=y"); a.Status != http.StatusNotFound {
		t.Errorf("POST /auth/fragment answered %d %s", a.Status, a.Body)
	}
}

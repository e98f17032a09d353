package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

const implicitFlow = "flow: implicit"

// formType is what a page's URLSearchParams are sent as.
const formType = "application/x-www-form-urlencoded;charset=UTF-8"

// beginImplicit goes through the consent page as a user and returns what the browser would carry back behind the #.
func (v *visitor) beginImplicit(user string) (fragment string) {
	v.t.Helper()
	if err := v.w.spotify.SetConsent(simulator.Consent{User: user}); err != nil {
		v.t.Fatal(err)
	}
	consent, a := v.step(v.w.balancer.URL + "/auth/login?return_to=/page")
	if a.status != http.StatusFound {
		v.t.Fatalf("GET /auth/login answered %d %s", a.status, a.body)
	}
	callback, a := v.step(consent)
	page, fragment, found := strings.Cut(callback, "#")
	if a.status != http.StatusFound || !found {
		v.t.Fatalf("the consent page answered %d to %q", a.status, callback)
	}
	if _, a := v.step(page); a.status != http.StatusOK || !strings.Contains(a.body, "<script>") {
		v.t.Fatalf("the callback page is %d %s", a.status, a.body)
	}
	return fragment
}

// handOver does what the script of the callback page does.
func (v *visitor) handOver(fragment string) answer {
	v.t.Helper()
	return v.do(http.MethodPost, "/auth/fragment", fragment, "Content-Type", formType)
}

func (v *visitor) loginImplicit(user string) {
	v.t.Helper()
	if a := v.handOver(v.beginImplicit(user)); a.status != http.StatusOK || !strings.Contains(a.body, `"/page"`) {
		v.t.Fatalf("POST /auth/fragment answered %d %s", a.status, a.body)
	}
}

// bearers are all access tokens that the API has seen.
func (w *world) bearers() []string {
	var tokens []string
	for _, seen := range w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if token := strings.TrimPrefix(seen.Header.Get("Authorization"), "Bearer "); token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// TestImplicitInChromium logs in with the implicit grant and then looks for the token where a page or a person could.
func TestImplicitInChromium(t *testing.T) {
	t.Parallel()
	here := pages{"index.html": `<!doctype html><title>start</title><p id="start">start</p>`}
	here["page.html"] = `<!doctype html><title>page</title><p id="page">page</p>`
	w := newWorld(t, options{public: true, implicit: true, spotify: implicitFlow, routes: here.route(t, userRoute)})
	tab := chromium(t)
	act(t, tab, "open the page", chromedp.Navigate(w.balancer.URL+"/"), chromedp.WaitVisible("#start"))
	act(t, tab, "log in", chromedp.Navigate(w.balancer.URL+"/auth/login?return_to=/page.html"),
		chromedp.Click(`input[value="ada"]`), chromedp.Click(`button[value="agree"]`), chromedp.WaitVisible("#page"))
	status := fetched(t, tab, "/auth/session")
	if !strings.Contains(status, `"authenticated":true`) || !strings.Contains(status, `"id":"ada"`) {
		t.Fatalf("after the login the session is %s", status)
	}
	tokens := w.bearers()
	if len(tokens) != 1 {
		t.Fatalf("the API has seen %d tokens, want the one that GET /me proved", len(tokens))
	}
	for place, held := range map[string]string{
		"address":  evaluate[string](t, tab, `location.href`),
		"referrer": evaluate[string](t, tab, `document.referrer`),
		"document": evaluate[string](t, tab, `document.documentElement.outerHTML`),
		"storage":  evaluate[string](t, tab, `JSON.stringify([{...localStorage}, {...sessionStorage}]) + document.cookie + history.state`),
		"timings":  evaluate[string](t, tab, `JSON.stringify(performance.getEntries())`),
		"history":  fmt.Sprint(read(t, tab, "the history", chromedp.NavigationEntries())),
		"session":  status,
		"log":      w.replicas[0].log(),
	} {
		if strings.Contains(held, tokens[0]) || strings.Contains(held, "access_token") {
			t.Errorf("the %s holds the token: %.300s", place, held)
		}
	}
	entries := read(t, tab, "the history", chromedp.NavigationEntries()).Entries
	for _, entry := range entries {
		if strings.Contains(entry.URL, "#") || strings.Contains(entry.UserTypedURL, "#") {
			t.Errorf("the history has a fragment: %q, typed %q", entry.URL, entry.UserTypedURL)
		}
	}
	if last := entries[len(entries)-1].URL; last != w.balancer.URL+"/page.html" {
		t.Errorf("the history ends with %q", last)
	}
}

// TestImplicitExpiry checks that the session ends with its token, and that a new login goes on.
func TestImplicitExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{public: true, implicit: true, spotify: implicitFlow, tokenLifetime: 2 * time.Second})
	v := w.visitor()
	v.loginImplicit("ada")
	sessiontest.Eventually(t, startTime, "the session ends with its token", func() bool { return !v.status().Authenticated })
	if reason := v.status().Reason; reason != "REAUTHORIZATION_REQUIRED" {
		t.Errorf("GET /auth/session says %q", reason)
	}
	var refused struct {
		Error struct {
			LoginURL string `json:"login_url"`
		}
	}
	a := v.get("/api/me")
	if a.decode(t, &refused); a.status != http.StatusUnauthorized || a.reason() != "REAUTHORIZATION_REQUIRED" ||
		refused.Error.LoginURL != "/auth/login" {
		t.Errorf("GET /api/me answers %d %s", a.status, a.body)
	}
	if calls := w.spotify.Counts().TokenCalls; len(calls) != 0 {
		t.Errorf("the token endpoint was called: %v", calls)
	}
	v.loginImplicit("ben")
	if a := v.get("/api/me"); a.status == http.StatusOK && !strings.Contains(a.body, `"ben"`) {
		t.Errorf("after the next login GET /api/me answers %s", a.body)
	}
}

// TestImplicitBadFragments hands over what nobody should, and checks that each is refused, changes nothing, and that the
// true fragment still works where it has not been used.
func TestImplicitBadFragments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{public: true, implicit: true, spotify: implicitFlow})
	mine, other := w.visitor(), w.visitor()
	theirs := other.beginImplicit("ben")
	fragment := mine.beginImplicit("ada")
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
		a := mine.do(c.method, "/auth/fragment", c.fragment, "Content-Type", formType)
		if a.status < 400 || a.status >= 500 || a.reason() == "" {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
		if strings.Contains(a.body, parsedFragment(t, fragment).Get("access_token")) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
	if mine.status().Authenticated {
		t.Fatal("a fragment that was refused logged somebody in")
	}
	if a := mine.handOver(fragment); a.status != http.StatusOK {
		t.Fatalf("the true fragment answered %d %s", a.status, a.body)
	}
	if a := mine.handOver(fragment); a.status != http.StatusBadRequest {
		t.Errorf("a replayed state answered %d %s", a.status, a.body)
	}
	if got := mine.status(); got.User.ID != "ada" {
		t.Errorf("after the replay the user is %q", got.User.ID)
	}
	if a := other.handOver(theirs); a.status != http.StatusOK {
		t.Errorf("the state that was tried in another browser is lost in its own: %d %s", a.status, a.body)
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
	w := newWorld(t, options{public: true, implicit: true, spotify: implicitFlow})
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
		v := w.visitor()
		values := parsedFragment(t, v.beginImplicit("ada"))
		for key, value := range c.change {
			values.Set(key, value)
		}
		a := v.handOver(values.Encode())
		if a.status != c.status || a.reason() == "" || strings.Contains(a.body, "<script>") {
			t.Errorf("%s: answered %d %s, want %d", name, a.status, a.body, c.status)
		}
		if v.status().Authenticated {
			t.Errorf("%s: logged in", name)
		}
	}
}

// TestFragmentOfOtherFlows checks that the endpoint is not there where the flow has no use for it.
func TestFragmentOfOtherFlows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	if a := w.visitor().handOver("access_token=x&token_type=Bearer&state=y"); a.status != http.StatusNotFound {
		t.Errorf("POST /auth/fragment answered %d %s", a.status, a.body)
	}
}

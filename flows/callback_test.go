package flows

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/internal/httperror"
)

// expectNothing checks that a callback that failed has left nothing: no session, no cookie, and so many token calls.
func (b *browser) expectNothing(a answer, tokenCalls int) {
	b.t.Helper()
	if calls, _ := b.g.spotify.received(); len(calls) != tokenCalls {
		b.t.Errorf("there were %d token calls, want %d", len(calls), tokenCalls)
	}
	if _, sessions := b.g.store.writes(); sessions != 0 {
		b.t.Errorf("%d sessions were written", sessions)
	}
	if len(a.Cookies()) != 0 || a.Header.Get("Location") != "" {
		b.t.Errorf("the cookies are %v and the Location is %q", a.Cookies(), a.Header.Get("Location"))
	}
	if !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") || !strings.Contains(a.body, "<h1>") {
		b.t.Errorf("the answer is no page: %s %s", a.Header.Get("Content-Type"), a.body)
	}
	if got := b.g.audits(); len(got) == 0 || got[len(got)-1] != "login "+a.Header.Get(httperror.ReasonHeader) {
		b.t.Errorf("the audit lines are %q", got)
	}
}

// A state that is not this browser's own, or not alone, never makes a token call.
func TestCallbackState(t *testing.T) {
	forged := strings.Repeat("A", 43)
	for name, query := range map[string]func(state string) string{
		"absent":           func(string) string { return "code=c" },
		"empty":            func(string) string { return "code=c&state=" },
		"forged":           func(string) string { return "code=c&state=" + forged },
		"no state at all":  func(string) string { return "code=c&state=%00%0d%0a" },
		"cut":              func(state string) string { return "code=c&state=" + state[:42] },
		"longer":           func(state string) string { return "code=c&state=" + state + "A" },
		"doubled":          func(state string) string { return "code=c&state=" + state + "&state=" + state },
		"with another one": func(state string) string { return "code=c&state=" + state + "&state=" + forged },
		"code doubled":     func(state string) string { return "code=c&code=d&state=" + state },
		"error doubled":    func(state string) string { return "error=a&error=b&state=" + state },
		"bad escape":       func(state string) string { return "code=%zz&state=" + state },
		"semicolon":        func(state string) string { return "code=c;state=" + state },
		"forged denial":    func(string) string { return "error=access_denied&state=" + forged },
		"no query":         func(string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b := g.browser()
			state := b.begin("").Get("state")
			a := b.do(http.MethodGet, "/auth/callback?"+query(state), "Sec-Fetch-Mode", "navigate")
			b.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
			b.expectNothing(a, 0)
			b.expect(b.callback(consented(state)), http.StatusSeeOther, "") // the true answer is still good
		})
	}
}

// Back after a login: the browser that is logged in goes to where the login led, and nothing else happens. Without the
// session the state is as used up as ever.
func TestCallbackReplay(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	query := consented(b.begin("?return_to=/app%3Fa=b%23c").Get("state"))
	b.expect(b.callback(query), http.StatusSeeOther, "")
	before, audits := b.cookie("stagedoor"), len(g.audits())
	for range 2 {
		a := b.callback(query)
		b.expect(a, http.StatusSeeOther, "")
		if got := a.Header.Get("Location"); got != "/app?a=b#c" || len(a.Cookies()) != 0 {
			t.Errorf("back leads to %q with the cookies %v", got, a.Cookies())
		}
	}
	if calls, _ := g.spotify.received(); len(calls) != 1 || len(g.audits()) != audits {
		t.Errorf("there were %d token calls, want one, and the audit lines are %q", len(calls), g.audits())
	}
	if b.cookie("stagedoor") != before || !b.loggedIn() {
		t.Error("a replay touched the session")
	}

	stranger := g.browser()
	stranger.login("")
	a := stranger.callback(query)
	stranger.expect(a, http.StatusBadRequest, httperror.InvalidRequest) // somebody else is logged in there, with a login of their own

	b.do(http.MethodPost, "/auth/logout")
	a = b.callback(query)
	b.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
	if !strings.Contains(a.body, "finished before") || !strings.Contains(a.body, `href="/auth/login?return_to=%2Fapp%3Fa%3Db%23c"`) {
		t.Errorf("the page forgets where the login was to lead: %s", a.body)
	}
	if calls, _ := g.spotify.received(); len(calls) != 2 || b.loggedIn() {
		t.Errorf("there were %d token calls, want one for each login", len(calls))
	}
}

// A page that is loaded many times at once, as an impatient person does: one of them logs in, with one token call.
func TestCallbackAllAtOnce(t *testing.T) {
	const times = 8
	g := newGateway(t, nil)
	b := g.browser()
	query := consented(b.begin("").Get("state"))
	answers := make(chan answer, times)
	var tabs sync.WaitGroup
	for range times {
		tabs.Go(func() { answers <- b.callback(query) })
	}
	tabs.Wait()
	close(answers)
	loggedIn, others := 0, 0
	for a := range answers {
		switch {
		case a.StatusCode == http.StatusSeeOther && len(a.Cookies()) == 1:
			loggedIn++
		case a.StatusCode == http.StatusSeeOther || a.StatusCode == http.StatusBadRequest: // after the first, and beside it
			others++
		}
	}
	if loggedIn != 1 || others != times-1 {
		t.Errorf("%d callbacks logged in, and %d are as if they came too late", loggedIn, others)
	}
	if calls, _ := g.spotify.received(); len(calls) != 1 {
		t.Errorf("there were %d token calls, want one", len(calls))
	}
}

// Login CSRF: a state brought to another browser is refused there, and stays good in its own.
func TestCallbackInAnotherBrowser(t *testing.T) {
	g := newGateway(t, nil)
	victim, attacker := g.browser(), g.browser()
	query := consented(attacker.begin("").Get("state"))
	for _, prepare := range []func(){func() {}, func() { victim.begin("") }} { // without and with a login of its own
		prepare()
		a := victim.callback(query)
		victim.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
		victim.expectNothing(a, 0)
	}
	attacker.expect(attacker.callback(query), http.StatusSeeOther, "")
	if victim.loggedIn() || !attacker.loggedIn() {
		t.Error("the wrong browser is logged in")
	}
}

// Two tabs of one browser log in at the same time, and come back in the other order.
func TestCallbackOfTwoTabs(t *testing.T) {
	b := newGateway(t, nil).browser()
	first, second := b.begin("?return_to=/1").Get("state"), b.begin("?return_to=/2").Get("state")
	for state, want := range map[string]string{second: "/2", first: "/1"} {
		if got := b.callback(consented(state)).Header.Get("Location"); got != want {
			t.Errorf("a tab is led to %q, want %q", got, want)
		}
	}
}

func TestCallbackTooLate(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	query := consented(b.begin("").Get("state"))
	stale := consented(b.begin("?return_to=/late").Get("state"))
	g.clock.advance(10*time.Minute + time.Second)
	a := b.callback(query)
	b.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
	b.expectNothing(a, 0)
	if a = b.callback(stale); !strings.Contains(a.body, `href="/auth/login?return_to=%2Flate"`) {
		t.Errorf("the page forgets where the login was to lead: %s", a.body)
	}
}

// What the consent page may say instead of a code. None of its text is shown: anybody can write it.
func TestCallbackWithoutCode(t *testing.T) {
	const markup = `"><script>alert(1)</script>`
	for name, test := range map[string]struct {
		query  url.Values
		status int
		reason string
		retry  bool
	}{
		"denied": {url.Values{"error": {"access_denied"}}, 403, httperror.AccessDenied, false},
		"denied, with code": {
			url.Values{"error": {"access_denied"}, "code": {"c"}},
			403, httperror.AccessDenied, false,
		},
		"denied in words": {
			url.Values{"error": {"access_denied"}, "error_description": {markup}},
			403, httperror.AccessDenied, false,
		},
		"no code":      {url.Values{}, 400, httperror.InvalidRequest, false},
		"empty code":   {url.Values{"code": {""}}, 400, httperror.InvalidRequest, false},
		"server_error": {url.Values{"error": {"server_error"}}, 503, httperror.TokenEndpointUnavailable, true},
		"overloaded": {
			url.Values{"error": {"temporarily_unavailable"}},
			503, httperror.TokenEndpointUnavailable, true,
		},
		"invalid_scope": {url.Values{"error": {"invalid_scope"}}, 400, httperror.InvalidRequest, false},
		"markup":        {url.Values{"error": {markup}}, 400, httperror.InvalidRequest, false},
		"a log line": {
			url.Values{"error": {"a\nlevel=error msg=forged"}},
			400, httperror.InvalidRequest, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b := g.browser()
			test.query.Set("state", b.begin("").Get("state"))
			a := b.callback(test.query)
			b.expect(a, test.status, test.reason)
			b.expectNothing(a, 0)
			if strings.Contains(a.body, "script") || strings.Contains(a.body, "alert") || strings.Contains(a.body, "forged") {
				t.Errorf("the page repeats the answer: %s", a.body)
			}
			if !strings.Contains(a.body, `href="/auth/login"`) {
				t.Errorf("the page has no way on: %s", a.body)
			}
			if got := a.Header.Get("Retry-After"); (got != "") != test.retry {
				t.Errorf("Retry-After is %q", got)
			}
			b.expect(b.callback(test.query), http.StatusBadRequest, httperror.InvalidRequest) // the state is used up
		})
	}
}

// RFC 9207: when the answer names its issuer, it is the consent page's.
func TestCallbackIssuer(t *testing.T) {
	for issuer, good := range map[string]bool{
		"https://accounts.example":          true,
		"https://accounts.example/":         true,
		"http://accounts.example":           false,
		"https://accounts.example:8443":     false,
		"https://evil.example":              false,
		"https://accounts.example.evil.org": false,
		"https://accounts.example@evil.org": false,
		"accounts.example":                  false,
		"":                                  false,
		"%":                                 false,
	} {
		g := newGateway(t, nil)
		b := g.browser()
		query := consented(b.begin("").Get("state"))
		query.Set("iss", issuer)
		a := b.callback(query)
		if good {
			b.expect(a, http.StatusSeeOther, "")
			continue
		}
		b.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
		b.expectNothing(a, 0)
	}
}

func TestCallbackTakesOnlyGet(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodHead, http.MethodPut, http.MethodDelete} {
		g := newGateway(t, nil)
		b := g.browser()
		query := consented(b.begin("").Get("state"))
		a := b.do(method, "/auth/callback?"+query.Encode())
		b.expect(a, http.StatusMethodNotAllowed, httperror.MethodRefused)
		if a.Header.Get("Allow") != "GET" {
			t.Errorf("%s: Allow is %q", method, a.Header.Get("Allow"))
		}
		b.expect(b.callback(query), http.StatusSeeOther, "") // and it used nothing up
	}
}

// A failed login leaves the session that there was alone.
func TestCallbackThatFailsKeepsTheSession(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	b.login("")
	before := b.cookie("stagedoor")
	denial := url.Values{"error": {"access_denied"}, "state": {b.begin("").Get("state")}}
	b.expect(b.callback(denial), 403, httperror.AccessDenied)
	g.spotify.answerMe(answerJSON(500, ""))
	b.expect(b.callback(consented(b.begin("").Get("state"))), 502, httperror.UpstreamUnreachable)
	if b.cookie("stagedoor") != before || !b.loggedIn() {
		t.Error("the session is gone")
	}
	if want := []string{"login ok", "login ACCESS_DENIED", "login UPSTREAM_UNREACHABLE"}; !slices.Equal(g.audits(), want) {
		t.Errorf("the audit lines are %q, want %q", g.audits(), want)
	}
}

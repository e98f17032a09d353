package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
	"stagedoor/simulator"
)

// TestHostileReturns takes hundreds of hostile return_to values through whole logins, and asks a browser and a strict
// reader where each of them leads: to a path of this origin, never in a circle, and to nothing that happens there.
func TestHostileReturns(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	tab := stage.Chromium(t)
	values := hostileReturns()
	leaving := 0
	for _, seen := range resolved(t, tab, "http://127.0.0.1:8080", values) {
		if !strings.HasPrefix(seen.Href, "http://127.0.0.1:8080/") {
			leaving++
		}
	}
	if len(values) < 500 || leaving < 150 {
		t.Fatalf("of %d values %d would leave the origin; the test needs 500 and 150", len(values), leaving)
	}
	values = stage.Tenths(values)
	class := newAttacks(t, "return_to")
	// Nobody logs in often, because the index of somebody's sessions grows with each.
	many := len(values)/10 + 1
	code := &loginTrial{flow: flows.FlowCode, World: stage.NewWorld(t, stage.Options{Replicas: 2, Users: many})}
	returned := code.returns(values)
	code.expectHere(tab, class, values, returned)
	code.expectNoCircle(tab, class, returned)
	code.expectHereInChromium(tab, class)

	implicit := &loginTrial{flow: flows.FlowImplicit, World: stage.NewWorld(t, stage.Options{
		Public: true, Implicit: true, Spotify: stage.ImplicitFlow, Users: many,
	})}
	var some []string
	for i := 0; i < len(values); i += 8 {
		some = append(some, values[i])
	}
	implicit.expectHere(tab, class, some, implicit.returns(some))
}

// returns logs in with each of the values, a handful at a time, and says where the end of the login leads.
func (lt *loginTrial) returns(values []string) []string {
	lt.T.Helper()
	returned := make([]string, len(values))
	const browsers = 4
	var group sync.WaitGroup
	for first := range browsers {
		v := surfer(lt.World)
		group.Go(func() {
			for i := first; i < len(values); i += browsers {
				returned[i] = lt.returned(v, fmt.Sprintf("fan%04d", i/10+1), values[i])
			}
		})
	}
	group.Wait()
	return returned
}

// returned is where one login leads; what cannot be told is told in words, which are no path.
func (lt *loginTrial) returned(v *stage.Visitor, user, value string) string {
	back, err := tryConsented(v, user, value)
	if err != nil {
		return "no login: " + err.Error()
	}
	a, err := lt.tryArrive(v, back.Encode())
	switch {
	case err != nil || !hasArrived(a) || a.Header.Get("Refresh") != "":
		return fmt.Sprintf("no arrival: %v %s", err, short(a))
	case !lt.implicit():
		return strings.Join(a.Header["Location"], " and ")
	}
	var said struct {
		ReturnTo string `json:"return_to"`
	}
	if err := json.Unmarshal([]byte(a.Body), &said); err != nil {
		return "no JSON: " + err.Error()
	}
	return said.ReturnTo
}

// resolvedURL is a URL as a browser understands it.
type resolvedURL struct{ Href, Path, Search string }

// resolved lets the browser resolve addresses that an answer of /auth/callback gives, by its own rules.
func resolved(t *testing.T, tab context.Context, base string, addresses []string) []resolvedURL {
	t.Helper()
	list, err := json.Marshal(addresses)
	if err != nil {
		t.Fatal(err)
	}
	return stage.Evaluate[[]resolvedURL](t, tab, fmt.Sprintf(`%s.map(address => {
	try {
		const url = new URL(address, %q);
		return {Href: url.href, Path: url.pathname, Search: url.search};
	} catch (error) {
		return {Href: String(error), Path: "", Search: ""};
	}
})`, list, base+"/auth/callback?code=x&state=y"))
}

// hereOnly matches a path that no reader could take for anything else: no second slash, no backslash, nothing to drop.
var hereOnly = regexp.MustCompile(`^/([!-.0-\[\]-~][!-\[\]-~]*)?$`)

// expectHere wants every address on the public origin, and none at the login.
func (lt *loginTrial) expectHere(tab context.Context, class *attacks, values, returned []string) {
	lt.T.Helper()
	public, err := url.Parse(lt.Balancer.URL)
	if err != nil {
		lt.T.Fatal(err)
	}
	for i, seen := range resolved(lt.T.(*testing.T), tab, lt.Balancer.URL, returned) {
		address := returned[i]
		parsed, err := public.Parse(address)
		held := err == nil && parsed.Scheme == public.Scheme && parsed.Host == public.Host && parsed.User == nil
		held = held && hereOnly.MatchString(address) && strings.HasPrefix(seen.Href, lt.Balancer.URL+"/") && !isLogin(seen.Path)
		class.expect(held, "%s: %.100q leads to %.100q, which a browser takes for %.200q", lt.flow, values[i], address, seen.Href)
	}
}

// isLogin tells whether a path begins or ends a login, also for a server that cleans paths or does not mind their case.
func isLogin(escaped string) bool {
	decoded, err := url.PathUnescape(escaped)
	clean := path.Clean("/" + decoded)
	return err != nil || clean == "/auth/login" || clean == "/auth/callback"
}

// expectNoCircle goes where the addresses lead, as a browser does that comes from the consent page: nothing redirects,
// nothing happens, and the Web API is asked nothing.
func (lt *loginTrial) expectNoCircle(tab context.Context, class *attacks, returned []string) {
	lt.T.Helper()
	v, gone := surfer(lt.World), map[string]bool{}
	back, err := tryConsented(v, "fan0001", "/")
	if err != nil || !hasArrived(lt.arrive(v, back)) {
		lt.T.Fatalf("nobody is logged in: %v", err)
	}
	before := standingOf(lt.World)
	for _, seen := range resolved(lt.T.(*testing.T), tab, lt.Balancer.URL, returned) {
		lower := strings.ToLower(seen.Path)
		if gone[seen.Href] || !strings.Contains(lower, "auth") && !strings.Contains(lower, "api") {
			continue
		}
		gone[seen.Href] = true
		a := v.Get(seen.Path+seen.Search, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest",
			"document")
		now := standingOf(lt.World)
		if strings.HasPrefix(seen.Path, "/api/") { // a person may be led to what the API answers to a GET, and only she sees it
			now.api = before.api
		}
		class.expect(a.Header.Get("Location") == "" && len(a.Header["Set-Cookie"]) == 0 && now == before,
			"%s: %s leads on: %s", lt.flow, seen.Href, short(a))
		before = standingOf(lt.World)
	}
	if stage.Long() && len(gone) < 20 {
		lt.T.Errorf("only %d addresses could be a circle", len(gone))
	}
}

// expectHereInChromium logs in with a browser that goes the whole way itself.
func (lt *loginTrial) expectHereInChromium(tab context.Context, class *attacks) {
	lt.T.Helper()
	if err := lt.Spotify.SetConsent(simulator.Consent{User: "fan0001"}); err != nil {
		lt.T.Fatal(err)
	}
	t := lt.T.(*testing.T)
	for _, c := range []struct{ value, path, shows string }{
		{`//evil.example`, "/", "frontend"}, {"/\t/evil.example", "/", "frontend"}, {`/\evil.example`, "/", "frontend"},
		{"javascript:document.title='evil'", "/", "frontend"}, {"/..//evil.example", "//evil.example", "frontend"},
		{"/auth/x/../login", "/", "frontend"},
	} {
		calls := len(lt.Bearers())
		stage.Act(t, tab, "log in", chromedp.Navigate(lt.Balancer.URL+"/auth/login?return_to="+url.QueryEscape(c.value)))
		href, title := stage.Evaluate[string](t, tab, "location.href"), stage.Evaluate[string](t, tab, "document.title")
		class.expect(href == lt.Balancer.URL+c.path && strings.Contains(title, c.shows) && len(lt.Bearers()) == calls+1,
			// GET /me of the login
			"%q leads Chromium to %s, %q", c.value, href, title)
	}
	lt.Spotify.ClearConsent() // whose page now sends the browser on, as another site does
	calls := len(lt.Bearers())
	stage.Act(t, tab, "begin a login", chromedp.Navigate(lt.Balancer.URL+"/auth/login?return_to=/api/me/player/next"))
	stage.Act(t, tab, "agree", chromedp.Click(`input[value="fan0001"]`), chromedp.Click(`button[value="agree"]`),
		chromedp.WaitVisible("pre"))
	shown := stage.Evaluate[string](t, tab, "document.body.innerText")
	class.expect(strings.Contains(shown, "Method not allowed; use POST") && len(lt.Bearers()) == calls+2, // a GET changes nothing
		"the Web API answers Chromium with %q", shown)
}

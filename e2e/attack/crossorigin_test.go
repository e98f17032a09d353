package attack

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// foreigner is an origin that is not the gateway's.
type foreigner struct {
	name, page   string
	origin, site string // what its requests say: Origin and Sec-Fetch-Site
}

// foreigners are those to test. A lax cookie stays down from other sites, except in windows: one site is enough for those.
func foreigners(sameSite string) []foreigner {
	const page = "/attack"
	all := []foreigner{
		{"a sibling subdomain", siblingOrigin + page, siblingOrigin, "same-site"},
		{"another port", portOrigin + page, portOrigin, "same-site"},
		{"another site", otherOrigin + page, otherOrigin, "cross-site"},
		{"a sibling without TLS", plainOrigin + page, plainOrigin, "cross-site"},
		{"a sandboxed frame", otherOrigin + page + "#sandboxed", "null", "cross-site"},
		{"a sandboxed frame of the app's own", appOrigin + page + "#sandboxed", "null", "cross-site"},
	}
	if sameSite == "lax" {
		return all[:3]
	}
	return all
}

// TestCrossOrigin logs somebody in and lets every other origin try everything with the gateway. The cookie goes along by
// the browser's rules: with same_site none always, so that the cross-origin rule alone has to hold.
func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	for _, sameSite := range []string{"lax", "none"} {
		t.Run("same_site "+sameSite, func(t *testing.T) {
			t.Parallel()
			c := newCrossing(t, sameSite)
			c.fillCache(t)
			for _, from := range foreigners(sameSite) {
				c.suffer(t, from)
			}
			if sameSite == "none" {
				c.showNoPageInFrames(t)
				c.goThroughHistory(t)
			}
			c.serveApp(t)
			if sameSite == "none" {
				c.serveListed(t)
			}
		})
	}
}

// suffer lets a page of another origin try everything, and looks for traces.
func (c *crossing) suffer(t *testing.T, from foreigner) {
	a := newAttacks(t, fmt.Sprintf("cross-origin, same_site %s, from %s", c.sameSite, from.name))
	c.door.forget()
	c.w.Spotify.ForgetSeen()
	page := c.open(t, from.page)
	all := tricks(c.handle)
	learned := attackAtOnce(t, page, all)
	navigations := 0 // that Spotify may see
	for i, trick := range all {
		if trick.arrives != "" {
			c.door.await(caseNumber(i), trick.name)
		}
		for _, p := range c.door.seen(caseNumber(i)) {
			if trick.passes && p.status == http.StatusOK {
				navigations++
			}
		}
		breaches := c.traces(t, from, trick, caseNumber(i), learned[caseNumber(i)])
		a.expect(len(breaches) == 0, "%s: %s", trick.name, strings.Join(breaches, "; "))
	}
	c.askCache(t, a, page)
	c.speakToFrontend(t, a, page, from)
	if counts := c.w.Spotify.Counts(); counts.API != navigations || len(counts.TokenCalls) != 0 {
		t.Errorf("after %s Spotify has seen %+v, want the %d navigations", from.name, counts, navigations)
	}
	c.expectLoggedIn(t, "after "+from.name)
	stage.Act(t, page, "leave", chromedp.Navigate("about:blank"))
}

// batch is how many tricks a page begins at a time: they wait for the network more than for each other.
const batch = 30

// attackAtOnce lets a page try many tricks, and returns what the page has learned of each, by its case number.
func attackAtOnce(t *testing.T, page context.Context, all []trick) map[string]string {
	t.Helper()
	learned := map[string]string{}
	for first := 0; first < len(all); first += batch {
		var scripts [][2]string
		for i := first; i < min(first+batch, len(all)); i++ {
			scripts = append(scripts, [2]string{caseNumber(i), all[i].script})
		}
		text, err := json.Marshal(scripts)
		if err != nil {
			t.Fatal(err)
		}
		call := fmt.Sprintf("attack(%s)", text)
		maps.Copy(learned, stage.Read(t, page, call, chromedp.Evaluate[map[string]string](call, chromedp.EvalAwaitPromise)))
	}
	return learned
}

// caseNumber is how a trick is found again in what it causes. They have the same length.
func caseNumber(i int) string { return fmt.Sprintf("%03d", i) }

// traces says what is wrong with what has come of a trick.
func (c *crossing) traces(t *testing.T, from foreigner, trick trick, number, learned string) (breaches []string) {
	t.Helper()
	for _, p := range c.door.seen(number) {
		status, reason := trick.answer(p.cookie)
		if p.request != trick.arrives || p.status != status || p.header.Get("Stagedoor-Reason") != reason {
			breaches = append(breaches, fmt.Sprintf("want %s → %d %s, got %s", trick.arrives, status, reason, p))
		}
		for name := range p.header {
			if strings.HasPrefix(name, "Access-Control-") {
				breaches = append(breaches, "the answer has "+name)
			}
		}
		if !slices.Contains([]string{"-", "null", from.origin}, p.origin) ||
			!slices.Contains([]string{"-", "cross-site", from.site}, p.site) {
			t.Errorf("%s does not come from %s: %s", trick.name, from.name, p)
		}
		if c.travels(from) && !p.cookie && !trick.bare {
			t.Errorf("%s comes without the cookie, which proves nothing: %s", trick.name, p)
		}
	}
	if strings.HasPrefix(learned, "read") {
		breaches = append(breaches, "the page has learned: "+learned)
	}
	for _, seen := range c.w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if strings.Contains(seen.Target, "case="+number) && !trick.passes {
			breaches = append(breaches, "Spotify has seen "+seen.Method+" "+seen.Target)
		}
	}
	return breaches
}

// travels tells whether the browser sends the cookie along with whatever such a page embeds.
func (c *crossing) travels(from foreigner) bool {
	return c.sameSite == "none" || from.site == "same-site"
}

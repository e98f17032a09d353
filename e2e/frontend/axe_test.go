package frontend

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/internal/httperror"
)

// axeVersion is of the npm package axe-core, which knows the rules of WCAG.
const axeVersion = "4.10.3"

// auditor asks axe about pages, on every screen.
type auditor struct {
	tab    context.Context
	script string
}

func newAuditor(t *testing.T) auditor {
	t.Helper()
	folder := workspace(t)
	run(t, folder, "npm", "install", "--no-save", "--no-audit", "--no-fund", "axe-core@"+axeVersion)
	script, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return auditor{tab: stage.Chromium(t), script: string(script)}
}

// open goes to a page and waits until it shows something.
func (a auditor) open(t *testing.T, address, selector string) {
	t.Helper()
	stage.Act(t, a.tab, "open "+address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(selector)))
}

// click goes on by a button or a link.
func (a auditor) click(t *testing.T, selector, then string) {
	t.Helper()
	stage.Act(t, a.tab, "click "+selector, chromedp.Click(chromedp.CSS(selector)), chromedp.WaitVisible(chromedp.CSS(then)))
}

// audit has the page that is open judged on a desktop and a phone, light and dark: nothing may violate a rule, and nothing stick
// out sideways.
func (a auditor) audit(t *testing.T, name string) {
	t.Helper()
	stage.Evaluate[bool](t, a.tab, a.script+";\ntrue")
	for _, screen := range []struct {
		name          string
		width, height int64
	}{{"desktop", 1280, 900}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			features := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			}}
			stage.Act(t, a.tab, name, chromedp.EmulateViewport(screen.width, screen.height),
				chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
					_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, features)
					return err
				}))
			const judge = `axe.run(document, {resultTypes: ['violations']}).then(({violations, passes}) => passes.length === 0 ? ['axe has judged nothing'] :
				violations.flatMap(({id, help, nodes}) => nodes.map((n) => id + ': ' + help + ': ' + n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? ''))))`
			found := stage.Read(t, a.tab, judge, chromedp.Evaluate[[]string](judge, chromedp.EvalAwaitPromise))
			for _, violation := range found {
				t.Errorf("%s on a %s %s: %s", name, scheme, screen.name, violation)
			}
			if wide := stage.Evaluate[int](t, a.tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
				t.Errorf("%s is %d px too wide for a %s", name, wide, screen.name)
			}
		}
	}
}

// errorPages serves the gateway's page of every reason, by its name.
func errorPages(t *testing.T, pages *httperror.Pages) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := httperror.New(strings.TrimPrefix(r.URL.Path, "/"), "A sentence says what has failed, and another what to do.", nil)
		e.LoginURL, e.RetryAfter = "/auth/login", time.Minute
		pages.Write(w, r, httperror.OnPage(e), "1")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestPagesAreAccessible has axe judge every page that this program shows.
func TestPagesAreAccessible(t *testing.T) {
	a := newAuditor(t)
	t.Run("errors", func(t *testing.T) {
		for i, reason := range httperror.Reasons() {
			accent := fmt.Sprintf("#%02x%02x%02x", i*53%256, i*97%256, i*151%256)
			pages, err := httperror.NewPages(httperror.PagesConfig{Name: "Radio Nord", Accent: accent, SupportURL: "https://help.example"})
			if err != nil {
				t.Fatal(err)
			}
			a.open(t, errorPages(t, httperror.DefaultPages())+"/"+reason, "h1")
			a.audit(t, reason)
			a.open(t, errorPages(t, pages)+"/"+reason, "h1")
			a.audit(t, reason+" with the accent "+accent)
		}
	})
	t.Run("demo", func(t *testing.T) { auditDemo(t, a) })
	t.Run("accounts", func(t *testing.T) { auditAccounts(t, a) })
	t.Run("implicit", func(t *testing.T) {
		w := stage.NewWorld(t, stage.Options{Implicit: true, Spotify: "flow: implicit"})
		a.open(t, w.Balancer.URL+"/auth/callback#error=access_denied&state=x", "#message")
		a.audit(t, "the callback page of the implicit grant")
	})
}

func auditDemo(t *testing.T, a auditor) {
	demo := stage.StartDemo(t)
	a.open(t, demo.Home, `body[data-state="anonymous"] #login`)
	a.audit(t, "the demo before the login")
	a.click(t, "#login", `button[value="agree"]`)
	a.audit(t, "the consent page")
	if below := stage.Evaluate[float64](t, a.tab, `document.querySelector('button[value="agree"]').getBoundingClientRect().bottom - 900`); below > 0 {
		t.Errorf("Agree ends %v px below a screen of 900", below)
	}
	consent := stage.Evaluate[string](t, a.tab, "location.origin")
	a.click(t, `button[value="cancel"]`, ".code")
	a.audit(t, "a login that was cancelled")
	a.open(t, demo.Home+"/auth/login?return_to=/", `input[value="ada"]`)
	stage.Act(t, a.tab, "ada", chromedp.Click(chromedp.CSS(`input[value="ada"]`)))
	a.click(t, `button[value="agree"]`, `body[data-state="authenticated"] #profile-name`)
	stage.Await(t, a.tab, "the page is complete", `document.querySelectorAll("#playlists li").length > 0 && document.querySelectorAll("#artists li").length > 0`)
	a.audit(t, "the demo after the login")
	a.click(t, "#playlists button", "#tracks[open] li")
	a.audit(t, "the tracks of a playlist")
	a.open(t, stage.Still(t, demo.Operator), "h1")
	a.audit(t, "the operator's page")
	if _, err := http.Get(demo.Home + "/api/none"); err != nil {
		t.Fatal(err)
	}
	a.open(t, demo.Operator+"?"+url.Values{"refresh": {"off"}}.Encode(), "h1")
	a.audit(t, "the operator's page at rest")
	for _, path := range []string{"/", "/open/track/x", "/authorize", "/authorize?client_id=nobody"} {
		a.open(t, consent+path, "h1")
		a.audit(t, "the simulator's page "+path)
	}
}

func auditAccounts(t *testing.T, a auditor) {
	w := stage.NewWorld(t, stage.Options{Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute, stage.UserRoute)})
	a.open(t, w.ConnectLink(t, "radio"), "button")
	a.audit(t, "the page of a link for an account")
	a.click(t, "button", `button[value="agree"]`)
	a.click(t, `button[value="agree"]`, "h1")
	stage.ExpectText(t, a.tab, "h1", "The account is connected")
	a.audit(t, "the connected account")
	a.open(t, stage.Still(t, "http://"+w.Replicas[0].Admin+"/"), "h1")
	a.audit(t, "the operator's page of a gateway with Redis")
}

package e2e

import (
	"net/http"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// topPage calls what needs a scope, and offers the way to it when it is missing.
const topPage = `<!doctype html><meta charset="utf-8"><title>Top artists</title>
<p id="where"></p><div id="answer"></div>
<script type="module">
document.getElementById('where').textContent = location.pathname + location.search;
const answer = await fetch('/api/me/top/artists');
const body = await answer.json();
const shown = document.createElement(answer.ok ? 'p' : 'a');
shown.id = answer.ok ? 'artists' : 'allow';
shown.textContent = answer.ok ? body.items[0].name : body.error.reason + ' ' + body.error.missing_scopes;
if (!answer.ok) shown.href = body.error.login_url;
document.getElementById('answer').append(shown);
</script>`

// TestStepUpInChromium is a page that lacks a scope: it gets told which, sends the person to allow it, and gets them back
// where they were, with everything that was granted before.
func TestStepUpInChromium(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Routes: stage.Pages{"top.html": topPage}.Route(t, stage.UserRoute)})
	agree := []chromedp.Action[chromedp.Void]{chromedp.Click(`input[value="ada"]`), chromedp.Click(`button[value="agree"]`)}
	tab := stage.Chromium(t)
	stage.Act(t, tab, "log in with one scope more than is configured",
		chromedp.Navigate(w.Balancer.URL+"/auth/login?scope=user-library-read&return_to=/top.html?tab=2%26sort=a"))
	stage.Act(t, tab, "agree", append(agree, chromedp.WaitVisible("#allow"))...)
	stage.ExpectText(t, tab, "#allow", "INSUFFICIENT_SCOPE user-top-read")
	stage.ExpectText(t, tab, "#where", "/top.html?tab=2&sort=a")

	stage.Act(t, tab, "follow login_url", chromedp.Click("#allow"))
	stage.Act(t, tab, "agree again", append(agree, chromedp.WaitVisible("#artists"))...)
	stage.ExpectText(t, tab, "#where", "/top.html?tab=2&sort=a")
	var s stage.Status
	stage.Answer{Body: stage.Fetched(t, tab, "/auth/session")}.Decode(t, &s)
	for _, scope := range []string{"user-read-private", "user-read-email", "user-library-read", "user-top-read"} {
		if !slices.Contains(s.Scopes, scope) {
			t.Errorf("the session lacks %s: %v", scope, s.Scopes)
		}
	}
}

// TestStepUpKeepsSpotifysWords checks the answer itself, and that a scope which the user did not grant is not believed in.
func TestStepUpKeepsSpotifysWords(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: "scopes: [user-read-private, user-top-read]", Server: "allowed_origins: [https://app.example]"})
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada", Scopes: []string{"user-read-private"}}); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	v.Get("/auth/login")
	if scopes := v.Status().Scopes; !slices.Equal(scopes, []string{"user-read-private"}) {
		t.Errorf("granted was user-read-private alone, and the session says %v", scopes)
	}
	var refused struct {
		Error struct {
			Message       string
			LoginURL      string   `json:"login_url"`
			MissingScopes []string `json:"missing_scopes"`
		}
	}
	a := v.Get("/api/me/top/tracks", "Referer", w.Balancer.URL+"/app?x=1#part")
	a.Decode(t, &refused)
	if a.Status != http.StatusForbidden || a.Reason() != "INSUFFICIENT_SCOPE" ||
		refused.Error.Message != "Insufficient client scope" || !slices.Equal(refused.Error.MissingScopes, []string{"user-top-read"}) ||
		refused.Error.LoginURL != "/auth/login?return_to=%2Fapp%3Fx%3D1&scope=user-top-read" {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	v.Get("/api/me/top/tracks", "Referer", "https://app.example/in?a=b", "Origin", "https://app.example").Expect(t, "a page of an allowed origin",
		http.StatusForbidden, "INSUFFICIENT_SCOPE", `"login_url":"/auth/login?return_to=https%3A%2F%2Fapp.example%2Fin%3Fa%3Db\u0026scope=user-top-read"`)
	if a := v.Get("/api/me/top/tracks", "Referer", "https://evil.example/app"); a.Status != http.StatusForbidden {
		t.Errorf("answered %d %s", a.Status, a.Body)
	} else if a.Decode(t, &refused); refused.Error.LoginURL != "/auth/login?scope=user-top-read" {
		t.Errorf("another site's page became a way back: %s", a.Body)
	}
}

package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// TestNowPlayingWidget opens the README's example in a browser without a login.
func TestNowPlayingWidget(t *testing.T) {
	t.Parallel()
	const heading = "## A “now playing” widget"
	config, html := example(t, heading, "yaml"), example(t, heading, "html")
	if lines := strings.Count(html, "\n"); lines > 12 {
		t.Errorf("the example has %d lines, which are too many for a widget", lines)
	}
	accounts, route, found := strings.Cut(config, "routes:\n")
	accounts, isFirst := strings.CutPrefix(accounts, "accounts:\n")
	if !found || !isFirst {
		t.Fatalf("the example is not accounts and routes:\n%s", config)
	}
	here := stage.Pages{"widget.html": html}
	w := stage.NewWorld(t, stage.Options{
		Accounts: strings.TrimSpace(accounts), Routes: "\n" + strings.TrimSuffix(route, "\n") + here.Route(t),
	})
	w.ConnectAccount(t, "radio", "ada")

	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the widget", chromedp.Navigate(w.Balancer.URL+"/widget.html"), chromedp.WaitVisible("#now"))
	stage.Await(t, tab, "a track", `document.getElementById("now").textContent.startsWith("♫ ")`)
	shown := stage.Evaluate[string](t, tab, `document.getElementById("now").textContent`)
	if !strings.Contains(stage.Fetched(t, tab, stage.NowPlaying), strings.Split(strings.TrimPrefix(shown, "♫ "), " by ")[0]) {
		t.Errorf("the widget shows %q", shown)
	}
	if status := stage.Fetched(t, tab, "/auth/session"); !strings.Contains(status, `"authenticated":false`) {
		t.Errorf("the page is logged in: %s", status)
	}
	if cookies := stage.Evaluate[string](t, tab, "document.cookie"); cookies != "" {
		t.Errorf("the page has the cookies %q", cookies)
	}
}

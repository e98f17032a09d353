package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestNowPlayingWidget opens the README's example in a browser that nobody has logged in to.
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
	here := pages{"widget.html": html}
	w := newWorld(t, options{
		accounts: strings.TrimSpace(accounts), routes: "\n" + strings.TrimSuffix(route, "\n") + here.route(t),
	})
	w.connectAccount(t, "radio", "ada")

	tab := chromium(t)
	act(t, tab, "open the widget", chromedp.Navigate(w.balancer.URL+"/widget.html"), chromedp.WaitVisible("#now"))
	await(t, tab, "a track", `document.getElementById("now").textContent.startsWith("♫ ")`)
	shown := evaluate[string](t, tab, `document.getElementById("now").textContent`)
	if !strings.Contains(fetched(t, tab, nowPlaying), strings.Split(strings.TrimPrefix(shown, "♫ "), " by ")[0]) {
		t.Errorf("the widget shows %q", shown)
	}
	if status := fetched(t, tab, "/auth/session"); !strings.Contains(status, `"authenticated":false`) {
		t.Errorf("the page is logged in: %s", status)
	}
	if cookies := evaluate[string](t, tab, "document.cookie"); cookies != "" {
		t.Errorf("the page has the cookies %q", cookies)
	}
}

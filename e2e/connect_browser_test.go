package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestConnectButton presses the button of a connect link's page in a browser: its form gets past the page's own policy and
// the cross-origin rule, to the consent page and back.
func TestConnectButton(t *testing.T) {
	t.Parallel()
	tab := stage.Chromium(t)
	w := stage.NewWorld(t, stage.Options{Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute)})
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	stage.Act(t, tab, "open the link", chromedp.Navigate(w.ConnectLink(t, "radio")))
	if title := stage.Evaluate[string](t, tab, `document.querySelector("h1").textContent`); title != "Connect a Spotify account" {
		t.Errorf("the page is called %q", title)
	}
	stage.Act(t, tab, "press the button", chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("nav a:only-child")))
	if said := stage.Evaluate[string](t, tab, `document.querySelector("p").textContent`); !strings.HasSuffix(said, "now speak for ada.") {
		t.Errorf("the end says %q", said)
	}
}

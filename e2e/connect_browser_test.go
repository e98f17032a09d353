package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/simulator"
)

// TestConnectButton presses the button of a connect link's page in a browser: its form gets past the page's own policy and
// the cross-origin rule, to the consent page and back.
func TestConnectButton(t *testing.T) {
	t.Parallel()
	tab := chromium(t)
	w := newWorld(t, options{accounts: radio, routes: pages{}.route(t, radioRoute)})
	if err := w.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	act(t, tab, "open the link", chromedp.Navigate(w.connectLink(t, "radio")))
	if title := evaluate[string](t, tab, `document.querySelector("h1").textContent`); title != "Connect a Spotify account" {
		t.Errorf("the page is called %q", title)
	}
	act(t, tab, "press the button", chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("p.code")))
	if said := evaluate[string](t, tab, `document.querySelector("p").textContent`); !strings.HasSuffix(said, "now speak for ada.") {
		t.Errorf("the end says %q", said)
	}
}

package e2e

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/session/sessiontest"
)

// pageTime bounds one step of a person in the browser.
const pageTime = 15 * time.Second

// chromium starts a headless browser with an empty profile. Its context is a tab.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	sessiontest.Require(t, "chromium", "Install Chromium, such as Debian's package chromium.", path != "")
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
	)
	browser, stopBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	tab, closeTab := chromedp.NewContext(browser)
	t.Cleanup(func() {
		closeTab()
		stopBrowser()
	})
	if err := chromedp.Run(tab); err != nil {
		t.Fatal(err)
	}
	return tab
}

// act carries out steps in a tab, each within pageTime.
func act(t *testing.T, tab context.Context, what string, steps ...chromedp.Action) {
	t.Helper()
	bounded, cancel := context.WithTimeout(tab, pageTime)
	defer cancel()
	if err := chromedp.Run(bounded, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/session/sessiontest"
)

// pageTime bounds one step of a person in the browser.
const pageTime = 45 * time.Second

// chromium starts a headless browser with an empty profile, perhaps with more flags. Its context is a tab.
func chromium(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
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
	browser, stopBrowser := chromedp.NewExecAllocator(context.Background(), append(options, flags...)...)
	t.Cleanup(stopBrowser)
	return anotherTab(t, browser)
}

// anotherTab opens a tab in the browser of a tab: they share their cookies.
func anotherTab(t *testing.T, tab context.Context) context.Context {
	t.Helper()
	opened, closeTab := chromedp.NewContext(tab)
	t.Cleanup(closeTab)
	// The tab belongs to the context of its first action, which therefore must be one without a deadline.
	if err := chromedp.Do(opened); err != nil {
		t.Fatal(err)
	}
	return opened
}

// act carries out steps in a tab, all within pageTime.
func act(t *testing.T, tab context.Context, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	read(t, tab, what, chromedp.Steps(steps...))
}

// read returns what an action of a tab yields, within pageTime.
func read[T any](t *testing.T, tab context.Context, what string, action chromedp.Action[T]) T {
	t.Helper()
	bounded, cancel := context.WithTimeout(tab, pageTime)
	defer cancel()
	value, err := chromedp.Run(bounded, action)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return value
}

// evaluate returns the value of a JavaScript expression on the page.
func evaluate[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	return read(t, tab, expression, chromedp.Evaluate[T](expression))
}

// fetched returns what a script of the page gets from a path.
func fetched(t *testing.T, tab context.Context, path string) string {
	t.Helper()
	script := fmt.Sprintf("fetch(%q).then(answer => answer.text())", path)
	return read(t, tab, script, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
}

// await waits until a JavaScript condition of the page is true. The page must not be left meanwhile.
func await(t *testing.T, tab context.Context, what, condition string) {
	t.Helper()
	read(t, tab, what, chromedp.Poll[bool](condition))
}

// expectText looks for a text in what a person sees.
func expectText(t *testing.T, tab context.Context, selector, want string) {
	t.Helper()
	got := read(t, tab, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
	if !strings.Contains(strings.ReplaceAll(got, "’", "'"), want) {
		t.Errorf("%s says %q, want %q", selector, got, want)
	}
}

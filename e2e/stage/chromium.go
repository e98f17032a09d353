package stage

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

// PageTime bounds one step of a person in the browser.
const PageTime = 45 * time.Second

// Chromium starts a headless browser with an empty profile, perhaps with more flags. Its context is a tab.
func Chromium(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
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
	return AnotherTab(t, browser)
}

// AnotherTab opens a tab in the browser of a tab: they share their cookies.
func AnotherTab(t *testing.T, tab context.Context) context.Context {
	t.Helper()
	opened, closeTab := chromedp.NewContext(tab)
	t.Cleanup(closeTab)
	// The tab belongs to the context of its first action, which therefore must be one without a deadline.
	if err := chromedp.Do(opened); err != nil {
		t.Fatal(err)
	}
	return opened
}

// Act carries out steps in a tab, all within pageTime.
func Act(t *testing.T, tab context.Context, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	Read(t, tab, what, chromedp.Steps(steps...))
}

// Read returns what an action of a tab yields, within pageTime.
func Read[T any](t *testing.T, tab context.Context, what string, action chromedp.Action[T]) T {
	t.Helper()
	bounded, cancel := context.WithTimeout(tab, PageTime)
	defer cancel()
	value, err := chromedp.Run(bounded, action)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return value
}

// Evaluate returns the value of a JavaScript expression on the page.
func Evaluate[T any](t *testing.T, tab context.Context, expression string) T {
	t.Helper()
	return Read(t, tab, expression, chromedp.Evaluate[T](expression))
}

// Fetched returns what a script of the page gets from a path.
func Fetched(t *testing.T, tab context.Context, path string) string {
	t.Helper()
	script := fmt.Sprintf("fetch(%q).then(answer => answer.text())", path)
	return Read(t, tab, script, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
}

// Await waits until a JavaScript condition of the page is true. The page must not be left meanwhile.
func Await(t *testing.T, tab context.Context, what, condition string) {
	t.Helper()
	Read(t, tab, what, chromedp.Poll[bool](condition))
}

// ExpectText looks for a text in what a person sees.
func ExpectText(t *testing.T, tab context.Context, selector, want string) {
	t.Helper()
	got := Read(t, tab, "read "+selector, chromedp.Text(chromedp.CSS(selector)))
	if !strings.Contains(strings.ReplaceAll(got, "’", "'"), want) {
		t.Errorf("%s says %q, want %q", selector, got, want)
	}
}

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// TestDemoFrontend puts an app of one's own in the demo page's place and tries all that the demo offers to it.
func TestDemoFrontend(t *testing.T) {
	stage.OnlyLong(t, "it starts a frontend of its own")
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>my own app</title><p id="at%s">mine<p><a href="/auth/login?return_to=/in">Log in</a>`, strings.ReplaceAll(r.URL.Path, "/", "-"))
	}))
	defer app.Close()
	demo := stage.StartDemo(t, "-frontend", app.URL+"/") // as Vite prints it

	tab := stage.Chromium(t)
	stage.Act(t, tab, "open my app", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("a")),
		chromedp.Click(chromedp.CSS(`input[name="user"][value="ada"]`)), chromedp.Click(chromedp.CSS(`button[value="agree"]`)),
		chromedp.WaitVisible(chromedp.CSS("#at-in")))
	for script, want := range map[string]string{
		`fetch("/api/me").then((answer) => answer.text())`:                                                                   `"ada"`,
		`fetch("/auth/token", { method: "POST" }).then((answer) => answer.text())`:                                           `"access_token"`,
		`new Promise((told) => { new EventSource("/live/me/player").addEventListener("state", ({ data }) => told(data)); })`: `"is_playing"`,
	} {
		if got := stage.Read(t, tab, script, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise)); !strings.Contains(got, want) {
			t.Errorf("%s: %.200s", script, got)
		}
	}

	response, err := http.Get(demo.Operator)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if page, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(page), "/live/") {
		t.Errorf("the operator's page: %v, %d, %.200s", err, response.StatusCode, page)
	}
}

// TestDemoFrontendFolder shows a folder of files.
func TestDemoFrontendFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	stage.WriteFile(t, filepath.Join(folder, "index.html"), "my own page")
	demo := stage.StartDemo(t, "-frontend", folder)
	for _, path := range []string{"/", "/a/path/of/the/page"} {
		response, err := http.Get(demo.Home + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it has been read
		if err != nil || string(body) != "my own page" {
			t.Errorf("GET %s: %v, %d %s", path, err, response.StatusCode, body)
		}
	}
}

// TestDemoFrontendIsAnOrigin checks what is said about an address that is none.
func TestDemoFrontendIsAnOrigin(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]string{
		"-frontend localhost:5173":          "write http:// or https://",
		"-frontend http://127.0.0.1:5173/a": "an origin has no path",
		"-frontend ./no-such-folder":        "neither a folder nor an origin",
		"-frontend http://127.0.0.1:8080":   "where the demo itself listens",
		"-public-url http://localhost:5173": "write 127.0.0.1 instead",
	} {
		output, err := exec.Command(stage.Binary, append([]string{"demo"}, strings.Fields(flags)...)...).CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 2 || !strings.Contains(string(output), want) {
			t.Errorf("%s: %v, %s, want %q", flags, err, output, want)
		}
	}
}

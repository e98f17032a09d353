package frontend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// packed are the files of the npm package.
var packed = strings.Fields(`LICENSE README.md auth-client.d.ts client.d.ts client.js package.json react.d.ts react.js
	spotify-sdk.d.ts spotify-sdk.js vite-overlay.js vite.d.ts vite.js`)

// TestPackage runs the package's own tests, packs it, and tries what it makes.
func TestPackage(t *testing.T) {
	root := workspace(t, "client")
	client := filepath.Join(root, "client")
	run(t, client, "npm", "ci")
	t.Log(lastLines(run(t, client, "npm", "test"), 12))
	run(t, client, "npx", "tsc", "-p", ".")

	var listing []struct {
		Filename string
		Files    []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(run(t, client, "npm", "pack", "--json")), &listing); err != nil || len(listing) != 1 {
		t.Fatalf("npm pack: %v", err)
	}
	var names []string
	for _, file := range listing[0].Files {
		names = append(names, file.Path)
	}
	if slices.Sort(names); !slices.Equal(names, packed) {
		t.Errorf("the package holds %v, want %v", names, packed)
	}
	bundleReadme(t, client)
	t.Run("react", func(t *testing.T) { tryReact(t, client) })
	t.Run("fresh app", func(t *testing.T) { tryFreshApp(t, filepath.Join(client, listing[0].Filename)) })
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// bundleReadme bundles each block of code of the package's page: what it imports is there.
func bundleReadme(t *testing.T, client string) {
	t.Helper()
	for i, b := range stage.Blocks(t, "client/README.md") {
		if b.Language == "sh" { // TestWalk types these commands
			continue
		}
		name := fmt.Sprintf("test/readme-%d.%s", i, b.Language)
		writeReadable(t, filepath.Join(client, name), []byte(b.Text))
		run(t, client, "npx", "esbuild", name, "--bundle", "--format=esm", "--platform=node", "--jsx=automatic", "--external:/auth/*",
			"--log-level=error", "--outfile=/dev/null")
	}
}

// tryReact opens a page with all of stagedoor/react, made with either version of React.
func tryReact(t *testing.T, client string) {
	tab := stage.Chromium(t)
	for _, version := range []string{"", "-18"} {
		script := run(t, client, "npx", "esbuild", "test/react-page.jsx", "--bundle", "--jsx=automatic", "--log-level=error",
			"--alias:react=react"+version, "--alias:react-dom=react-dom"+version)
		files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/page.js" {
				w.Header().Set("Content-Type", "text/javascript")
				_, _ = fmt.Fprint(w, script)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, `<!doctype html><title>React</title><body><script src="/page.js"></script>`)
		}))
		t.Cleanup(files.Close)
		demo := stage.StartDemo(t, "-frontend", files.URL)
		t.Run("react"+version, func(t *testing.T) { useReactPage(t, tab, demo.Home) })
	}
}

func useReactPage(t *testing.T, tab context.Context, home string) {
	stage.Act(t, tab, "open the page", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS("#login")))
	stage.ExpectText(t, tab, "#status", "signed-out")
	stage.Act(t, tab, "log in", chromedp.Click(chromedp.CSS("#login")))
	agree(t, tab, "#logout")
	stage.ExpectText(t, tab, "h1", "Ada Marlow")
	stage.Await(t, tab, "ten playlists", `document.querySelectorAll("#items li").length === 10`)
	stage.Await(t, tab, "a track", `document.querySelector("#track").textContent !== ""`)
	stage.ExpectText(t, tab, "#me", "ada false")
	stage.Await(t, tab, "an error of Spotify's", `document.querySelector("#wrong").textContent === "404"`)
	for _, path := range []string{"/auth/session", "/api/me", "/api/me/playlists"} {
		if asked := stage.Evaluate[int](t, tab, fmt.Sprintf("asked[%q]", path)); asked != 1 {
			t.Errorf("%s was asked %d times in StrictMode, want once", path, asked)
		}
	}

	stage.Act(t, tab, "more", chromedp.Click(chromedp.CSS("#more")))
	stage.Await(t, tab, "twenty playlists", `document.querySelectorAll("#items li").length === 20`)
	label := `document.querySelector("#toggle").textContent`
	stage.Await(t, tab, "music is on", label+` === "Pause"`)
	stage.Act(t, tab, "pause", chromedp.Click(chromedp.CSS("#toggle")))
	stage.Await(t, tab, "music is off", label+` === "Play"`)
	track := stage.Evaluate[string](t, tab, `document.querySelector("#track").textContent`)
	stage.Act(t, tab, "next", chromedp.Click(chromedp.CSS("#next")))
	stage.Await(t, tab, "another track", fmt.Sprintf(`document.querySelector("#track").textContent !== %q`, track))

	second := stage.AnotherTab(t, tab)
	stage.Act(t, second, "open another tab", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS("#logout")))
	// A button that moves while the page fills is not where the click goes.
	stage.Await(t, second, "all of the page", `document.querySelectorAll("#items li").length === 10 && document.querySelector("#track").textContent !== "" &&
		document.querySelector("#me").textContent !== "" && document.querySelector("#wrong").textContent === "404"`)
	stage.Act(t, second, "log out there", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS("#login")))
	stage.Act(t, tab, "the first tab notices", chromedp.WaitVisible(chromedp.CSS("#login")))
	if stage.Evaluate[bool](t, tab, `document.querySelector("#items") !== null`) {
		t.Error("what the user saw is still there")
	}
}

// agree consents as ada and waits for a part of the page that she comes back to.
func agree(t *testing.T, tab context.Context, back string) {
	t.Helper()
	stage.Act(t, tab, "agree", chromedp.Click(chromedp.CSS(`input[name="user"][value="ada"]`)),
		chromedp.Click(chromedp.CSS(`button[value="agree"]`)), chromedp.WaitVisible(chromedp.CSS(back)))
}

// tryFreshApp installs the package into a new Vite app, whose code says how it is imported, checks its types, builds it and logs in.
func tryFreshApp(t *testing.T, tarball string) {
	app := filepath.Join(workspace(t, "e2e/frontend/testdata/fresh"), "e2e/frontend/testdata/fresh")
	run(t, app, "npm", "ci")
	run(t, app, "npm", "install", "--no-save", tarball)
	run(t, app, "npx", "tsc")
	run(t, app, "npx", "vite", "build")

	tab := stage.Chromium(t)
	for _, mode := range []string{"", "preview"} { // a development server, and what was built
		url := frontendURL(t)
		command := append(strings.Fields("npx vite "+mode), "--host", "127.0.0.1", "--strictPort", "--port", url.Port())
		start(t, app, nil, command...).says(t, url.String())
		demo := stage.StartDemo(t, "-frontend", url.String())
		stage.Act(t, tab, "open the app", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("#login")))
		agree(t, tab, "#who")
		stage.Await(t, tab, "all playlists", `/Ada Marlow: ada has [4-9]\d playlists/.test(document.body.textContent) && location.search === "?a=b"`)
	}
}

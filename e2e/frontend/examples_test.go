package frontend

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestExampleReact runs the example as its README says: Vite, and the demo with the app in it.
func TestExampleReact(t *testing.T) {
	app := filepath.Join(workspace(t, "client", "examples/react-vite"), "examples", "react-vite")
	run(t, app, "npm", "ci")
	run(t, app, "npm", "run", "build")
	url := frontendURL(t)
	demo := stage.StartDemo(t, "-frontend", url.String())
	vite := start(t, app, []string{"STAGEDOOR_URL=" + demo.Home}, "npx", "vite", "--port", url.Port())
	vite.says(t, "open "+demo.Home+"/")

	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the app", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("button")))
	agree(t, tab, "#track")
	stage.Await(t, tab, "playlists", `document.querySelectorAll("li").length === 10`)
	stage.Await(t, tab, "the SDK's answer", `/of the year: \w/.test(document.querySelector("#artist").textContent)`)
	stage.Await(t, tab, "a track", `/ by /.test(document.querySelector("#track").textContent)`)
	stage.Act(t, tab, "more", chromedp.Click(chromedp.CSS("[aria-label=Playlists] button")))
	stage.Await(t, tab, "more playlists", `document.querySelectorAll("li").length === 20`)

	stage.Evaluate[bool](t, tab, `fetch("/api/me/tracks", { method: "PATCH" }) && true`)
	overlay := `document.querySelector("stagedoor-overlay")`
	stage.Await(t, tab, "the overlay", overlay+` !== null`)
	if text := stage.Evaluate[string](t, tab, overlay+`.shadowRoot.textContent`); !strings.Contains(text, "METHOD_REFUSED") || !strings.Contains(text, "methods in config.yaml") {
		t.Errorf("the overlay says %q", text)
	}

	// Vite's own address works as well, as the same user: a cookie knows no port.
	stage.Act(t, tab, "open Vite's own address", chromedp.Navigate(url.String()), chromedp.WaitVisible(chromedp.CSS("#track")))
	stage.Await(t, tab, "playlists there", `document.querySelectorAll("li").length === 10`)
	stage.Act(t, tab, "log out there", chromedp.Click(chromedp.CSS("header button")))
	stage.Await(t, tab, "it is over", `/Log in with Spotify/.test(document.body.textContent)`)
}

// TestExampleSvelteKit looks at what a server renders for a visitor, and at what the page does after it.
func TestExampleSvelteKit(t *testing.T) {
	app := filepath.Join(workspace(t, "client", "examples/sveltekit"), "examples", "sveltekit")
	run(t, app, "npm", "ci")
	run(t, app, "npm", "run", "build")
	url := frontendURL(t)
	demo := stage.StartDemo(t, "-public-url", url.String())
	env := []string{"STAGEDOOR_URL=" + demo.Gateway}
	start(t, app, env, "npx", "vite", "preview", "--port", url.Port(), "--strictPort").says(t, url.String())

	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the app", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("#login")))
	agree(t, tab, "#more")
	rendered := stage.Fetched(t, tab, "/")
	if count := strings.Count(rendered, "<li"); !strings.Contains(rendered, "Ada Marlow") || count != 10 {
		t.Errorf("the server rendered %d playlists, want ten of Ada's:\n%.2000s", count, rendered)
	}
	stage.Act(t, tab, "more", chromedp.Click(chromedp.CSS("#more")))
	stage.Await(t, tab, "more playlists", `document.querySelectorAll("li").length === 20`)
	stage.Act(t, tab, "log out", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS("#login")))

	response, err := http.Get(url.String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if page, err := io.ReadAll(response.Body); err != nil || strings.Contains(string(page), "Ada") || response.Header.Get("Cache-Control") != "private, no-store" {
		t.Errorf("a stranger is told %v %v %.500s", err, response.Header, page)
	}
}

// TestExamplePlain opens the page that needs nothing but the gateway.
func TestExamplePlain(t *testing.T) {
	t.Parallel()
	demo := stage.StartDemo(t, "-frontend", "../../examples/plain")
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the page", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("#login")))
	agree(t, tab, "#logout")
	stage.Await(t, tab, "all playlists", `document.querySelectorAll("li").length > 40`)
	stage.ExpectText(t, tab, "#name", "Ada Marlow")
	stage.Act(t, tab, "log out", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS("#login")))
	if left := stage.Evaluate[int](t, tab, `document.querySelectorAll("li").length`); left != 0 {
		t.Errorf("%d playlists are left after the logout", left)
	}
}

// TestExampleNowPlaying watches the widget follow the player.
func TestExampleNowPlaying(t *testing.T) {
	t.Parallel()
	demo := stage.StartDemo(t, "-frontend", "../../examples/now-playing")
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the page", chromedp.Navigate(demo.Home), chromedp.Click(chromedp.CSS("now-playing button")))
	agree(t, tab, "now-playing strong")
	title := stage.Evaluate[string](t, tab, `document.querySelector("now-playing strong").textContent`)
	stage.Await(t, tab, "progress", `document.querySelector("now-playing progress").value > 0`)
	stage.Evaluate[bool](t, tab, `fetch("/api/me/player/next", { method: "POST" }) && true`)
	stage.Await(t, tab, "the next track", fmt.Sprintf(`document.querySelector("now-playing strong").textContent !== %q`, title))
}

// TestExampleWebPlayback lets a stand-in for the SDK ask for tokens: at first, after an hour, when Spotify has taken one back, and
// when the session has ended.
func TestExampleWebPlayback(t *testing.T) {
	t.Parallel()
	files, err := filepath.Abs("../../examples/web-playback")
	if err != nil {
		t.Fatal(err)
	}
	w := stage.NewWorld(t, stage.Options{
		Session: "browser_tokens: true", Spotify: "scopes: [streaming, user-read-private, user-read-email, user-modify-playback-state]",
		Routes: "\n  - " + stage.UserRoute + fmt.Sprintf("\n  - {path: /, files: %q}\n", files),
	})
	// The login's own token has two minutes left, so that the first one for the page is of a refresh, as it is after an hour.
	w.Fault(simulator.Fault{Match: simulator.Match{Grant: "authorization_code"}, Merge: map[string]any{"expires_in": 120}})
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the page", chromedp.Navigate(w.Balancer.URL+"/?sdk=stand-in.js&check="+checksTokens(t, w)), chromedp.Click(chromedp.CSS("#login")))
	agree(t, tab, "#play")
	stage.ExpectText(t, tab, "#status", "Ready.")
	tokens := func() int { return stage.Evaluate[int](t, tab, "new Set(standIn.tokens).size") }

	hour := func(what string) {
		t.Helper()
		stage.Evaluate[bool](t, tab, "standIn.hour() && true")
		stage.Await(t, tab, what, fmt.Sprintf("new Set(standIn.tokens).size > %d", tokens()))
	}
	before := tokens()
	w.Spotify.ExpireAccessTokens() // before its time: authentication_error, and the page repairs it
	hour("another token")
	if after := tokens(); after != before+1 {
		t.Errorf("the page was given %d tokens after %d, want one more", after, before)
	}
	stage.Act(t, tab, "play", chromedp.Click(chromedp.CSS("#play")))
	const logout = `fetch("/auth/logout", { method: "POST" }).then(({ status }) => status)` // the page does not hear of it
	if status := stage.Read(t, tab, logout, chromedp.Evaluate[int](logout, chromedp.EvalAwaitPromise)); status != http.StatusNoContent {
		t.Fatalf("the logout answered %d", status)
	}
	stage.Evaluate[bool](t, tab, "standIn.hour() && true")
	stage.Act(t, tab, "a login is needed", chromedp.WaitVisible(chromedp.CSS("#login")))
}

// checksTokens is where a page may ask whether Spotify takes a token. The imitation of it answers no other origin's preflight.
func checksTokens(t *testing.T, w *stage.World) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		answer.Header().Set("Access-Control-Allow-Origin", "*")
		token, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		asked, err := http.NewRequestWithContext(r.Context(), http.MethodGet, w.APIURL+"/me", nil)
		if err != nil {
			return
		}
		asked.Header.Set("Authorization", "Bearer "+string(token))
		told, err := http.DefaultClient.Do(asked)
		if err != nil {
			return
		}
		_ = told.Body.Close() // only its status matters
		answer.WriteHeader(told.StatusCode)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestExampleGo runs the Go program with an API key of a shared account.
func TestExampleGo(t *testing.T) {
	t.Parallel()
	stage.OnlyLong(t, "it compiles another module")
	const key = "the-key-of-the-kitchen"
	file := filepath.Join(t.TempDir(), "keys")
	stage.WriteFile(t, file, key+"\n")
	w := stage.NewWorld(t, stage.Options{
		Accounts: fmt.Sprintf("radio: {api_keys_file: %q}", file), Spotify: stage.Listener,
		Routes: stage.Pages{}.Route(t, "{path: /radio/, upstream: spotify, credentials: account:radio, methods: [GET], allow: [me/player/currently-playing]}"),
	})
	w.ConnectAccount(t, "radio", "ada")
	for given, want := range map[string]string{key: " by ", "another-key-of-somebody": "wants an API key", "": "set STAGEDOOR_URL"} {
		c := exec.Command("go", "run", ".")
		c.Dir = "../../examples/go-zmb3"
		c.Env = append(os.Environ(), "STAGEDOOR_URL="+w.Balancer.URL+"/radio/", "STAGEDOOR_API_KEY="+given)
		output, err := c.CombinedOutput()
		if (err == nil) != (given == key) || !strings.Contains(string(output), want) {
			t.Errorf("with the key %q: %v, %s, want %q", given, err, output, want)
		}
	}
}

package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// What a person waits for. The page's script sets the state when it has heard who is logged in; before that, an element may
// be there without its style, or without what happens when it is clicked.
const (
	loginButton = `body[data-state="anonymous"] #login`
	profileName = `body[data-state="authenticated"] #profile-name`
)

// TestDemo is a person who clicks through the demo.
func TestDemo(t *testing.T) {
	tab := stage.Chromium(t)
	home := stage.StartDemo(t).Home

	stage.Act(t, tab, "open the demo", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "ada")
	stage.Await(t, tab, "the door has opened and is gone", `document.querySelector("#entrance").matches(".open[hidden]") && location.hash === ""`)
	stage.ExpectText(t, tab, "#profile-name", "Ada Marlow")
	expectAllPlaylists(t, tab)
	expectPlayer(t, tab)
	expectNothingHeld(t, tab)

	stage.Act(t, tab, "reload", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS(profileName)))
	stage.ExpectText(t, tab, "#profile-name", "Ada Marlow")

	second := stage.AnotherTab(t, tab)
	stage.Act(t, second, "open a second tab", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(profileName)))
	stage.Act(t, tab, "log out", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	stage.Act(t, second, "the second tab notices", chromedp.WaitVisible(chromedp.CSS(loginButton)))

	stage.Act(t, tab, "deny", chromedp.Click(chromedp.CSS(loginButton)), chromedp.Click(chromedp.CSS(`button[value="cancel"]`)), chromedp.WaitVisible(chromedp.CSS(".code")))
	stage.ExpectText(t, tab, "main", "You did not allow this app")
	stage.Act(t, tab, "go home", chromedp.Click(chromedp.CSS(`a[href="/"]`)), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "dora")
	stage.ExpectText(t, tab, "main", "not on this app's list")
}

// logIn goes from the demo's button through the consent page.
func logIn(t *testing.T, tab context.Context, user string) {
	t.Helper()
	stage.Act(t, tab, "log in as "+user,
		chromedp.Click(chromedp.CSS(loginButton)),
		chromedp.Click(chromedp.CSS(fmt.Sprintf(`input[name="user"][value=%q]`, user))),
		chromedp.Click(chromedp.CSS(`button[value="agree"]`)),
		chromedp.WaitVisible(chromedp.CSS(profileName+", .code")))
}

// expectAllPlaylists pages to the last playlist.
func expectAllPlaylists(t *testing.T, tab context.Context) {
	t.Helper()
	stage.Await(t, tab, "the first playlists", `document.querySelectorAll("#playlists li").length > 0`)
	for {
		before := stage.Evaluate[int](t, tab, `document.querySelectorAll("#playlists li").length`)
		if stage.Evaluate[bool](t, tab, `document.querySelector("#playlists-more").hidden`) {
			if before <= 40 {
				t.Errorf("paging ended at %d playlists, want all of several pages", before)
			}
			stage.ExpectText(t, tab, "#playlists-count", fmt.Sprint(before))
			return
		}
		stage.Act(t, tab, "load more", chromedp.Click(chromedp.CSS("#playlists-more")))
		stage.Await(t, tab, "more playlists", fmt.Sprintf(`document.querySelectorAll("#playlists li").length > %d`, before))
	}
}

// expectPlayer pauses, plays and skips.
func expectPlayer(t *testing.T, tab context.Context) {
	t.Helper()
	label := `document.querySelector("#player-toggle").getAttribute("aria-label")`
	stage.Await(t, tab, "music is on", label+` === "Pause"`)
	stage.Act(t, tab, "pause", chromedp.Click(chromedp.CSS("#player-toggle")))
	stage.Await(t, tab, "music is off", label+` === "Play"`)
	stage.Act(t, tab, "play", chromedp.Click(chromedp.CSS("#player-toggle")))
	stage.Await(t, tab, "music is on again", label+` === "Pause"`)
	title := stage.Read(t, tab, "the title", chromedp.Text(chromedp.CSS("#player-title")))
	stage.Act(t, tab, "next", chromedp.Click(chromedp.CSS("#player-next")))
	stage.Await(t, tab, "another track", fmt.Sprintf(`document.querySelector("#player-title").textContent !== %q`, title))
}

// expectNothingHeld looks for itself: no script of the page could find a token.
func expectNothingHeld(t *testing.T, tab context.Context) {
	t.Helper()
	held := stage.Evaluate[string](t, tab, `document.cookie + JSON.stringify({...localStorage}) + JSON.stringify({...sessionStorage})`)
	if held != "{}{}" {
		t.Errorf("the page holds %q", held)
	}
	stage.ExpectText(t, tab, "#holdings-verdict", "token")
}

// TestDemoWithoutBrowser checks the demo's pages where no Chromium is installed.
func TestDemoWithoutBrowser(t *testing.T) {
	home := stage.StartDemo(t).Home
	for path, want := range map[string]string{
		"/": "Stagedoor", "/app.js": "import", "/auth/client.js": "export", "/auth/session": `"authenticated":false`,
	} {
		response, err := http.Get(home + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close() // it has been read
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("GET %s: %d, %v, want %q in %.200q", path, response.StatusCode, err, want, body)
		}
	}
}

// TestDemoWithFewScopes is a person whose login has what is configured and no more: each panel asks for what it shows, nothing
// looks broken, and one permission after the other is added.
func TestDemoWithFewScopes(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	demo, err := filepath.Abs("../web/demo")
	if err != nil {
		t.Fatal(err)
	}
	w := stage.NewWorld(t, stage.Options{Routes: fmt.Sprintf("\n  - %s\n  - {path: /, files: %q, fallback: index.html}", stage.UserRoute, demo)})
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the demo", chromedp.Navigate(w.Balancer.URL), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "ada")
	for id, scopes := range map[string]string{
		"player": "user-read-playback-state and user-modify-playback-state", "playlists": "playlist-read-private", "artists": "user-top-read",
	} {
		stage.ExpectText(t, tab, "#"+id+"-permission", "This login does not include "+scopes+".")
	}
	stage.Await(t, tab, "the profile is complete", `document.querySelector("#profile-details").textContent !== ""`)
	if notices := stage.Evaluate[int](t, tab, `document.querySelectorAll(".notice").length`); notices != 0 {
		t.Errorf("a page that lacks scopes shows %d notices", notices)
	}
	for id, shown := range map[string]string{"player": `!document.querySelector(".player-controls").checkVisibility()`, "playlists": `!document.querySelector("#playlists li")`} {
		if !stage.Evaluate[bool](t, tab, shown) {
			t.Errorf("the panel %s shows what it may not know", id)
		}
	}
	stage.Act(t, tab, "allow the playlists", chromedp.Click(chromedp.CSS("#playlists-allow")), chromedp.Click(chromedp.CSS(`input[value="ada"]`)),
		chromedp.Click(chromedp.CSS(`button[value="agree"]`)), chromedp.WaitVisible(chromedp.CSS("#playlists li")))
	stage.Act(t, tab, "allow the player", chromedp.Click(chromedp.CSS("#player-allow")), chromedp.Click(chromedp.CSS(`input[value="ada"]`)),
		chromedp.Click(chromedp.CSS(`button[value="agree"]`)), chromedp.WaitVisible(chromedp.CSS("#player-toggle")), chromedp.WaitVisible(chromedp.CSS("#playlists li")))
	stage.Await(t, tab, "a gateway without a route with live is asked", `document.querySelector("#player-live").textContent === "Asks every 10 s"`)
	expectPlayer(t, tab)
	stage.Act(t, tab, "log out", chromedp.Click(chromedp.CSS("#logout")), chromedp.WaitVisible(chromedp.CSS(loginButton)))
}

// TestDemoOfAFreeAccount offers no button that Spotify would reject.
func TestDemoOfAFreeAccount(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	tab := stage.Chromium(t)
	home := stage.StartDemo(t).Home
	stage.Act(t, tab, "open the demo", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "ben")
	stage.Act(t, tab, "the reason", chromedp.WaitVisible(chromedp.CSS("#player-premium")))
	if !stage.Evaluate[bool](t, tab, `["toggle", "next", "previous"].every((name) => document.getElementById("player-" + name).disabled)`) {
		t.Error("a free account may press a button of the player")
	}
	stage.Act(t, tab, "open a playlist", chromedp.Click(chromedp.CSS("#playlists button")), chromedp.WaitVisible(chromedp.CSS("#tracks[open] .track")))
	stage.ExpectText(t, tab, "#tracks-note", "Premium")
	if !stage.Evaluate[bool](t, tab, `[...document.querySelectorAll(".track")].every((row) => row.disabled && row.getAttribute("aria-describedby") === "tracks-note")`) {
		t.Error("a free account may start a track")
	}
}

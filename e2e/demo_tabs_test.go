package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// What a person sees of the player.
const (
	playerLabel    = `document.querySelector("#player-toggle").getAttribute("aria-label")`
	playerTitle    = `document.querySelector("#player-title").textContent`
	playerProgress = `document.querySelector("#player-progress").value`
	playerIsLive   = `document.querySelector("#player-live").dataset.source === "live"`
)

// openTwoTabs logs in, and opens the demo in another tab. Both follow what plays.
func openTwoTabs(t *testing.T, home string) (first, second context.Context) {
	t.Helper()
	first = stage.Chromium(t)
	stage.Act(t, first, "open the demo", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, first, "ada")
	stage.Await(t, first, "the first tab is live", playerIsLive)
	stage.Await(t, first, "the bar moves by itself", playerProgress+` - (globalThis.began ??= `+playerProgress+`) > 2500`)
	second = stage.AnotherTab(t, first)
	stage.Act(t, second, "open a second tab", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(profileName)))
	stage.Await(t, second, "the second tab is live", playerIsLive)
	return first, second
}

// TestDemoInTwoTabs is a person with two tabs: what is done in one shows in the other at once, and the proof counts what was saved.
func TestDemoInTwoTabs(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	first, second := openTwoTabs(t, stage.StartDemo(t).Home)
	stage.Await(t, second, "music is on", playerLabel+` === "Pause"`)
	apart := stage.Evaluate[float64](t, second, playerProgress) - stage.Evaluate[float64](t, first, playerProgress)
	if apart < -2000 || apart > 2000 {
		t.Errorf("the bars of the tabs are %.0f ms apart", apart)
	}

	stage.Act(t, first, "pause", chromedp.Click(chromedp.CSS("#player-toggle")))
	stage.Await(t, second, "the second tab pauses", playerLabel+` === "Play"`)
	stage.Act(t, second, "play", chromedp.Click(chromedp.CSS("#player-toggle")))
	stage.Await(t, first, "the first tab plays", playerLabel+` === "Pause"`)
	title := stage.Evaluate[string](t, first, playerTitle)
	stage.Act(t, second, "next", chromedp.Click(chromedp.CSS("#player-next")))
	stage.Await(t, first, "the first tab shows the next track", fmt.Sprintf(`%s !== %q`, playerTitle, title))

	// A command is followed in 0.2 s, so a pushed answer is what the other tab shows: neither asks for it.
	for name, tab := range map[string]context.Context{"first": first, "second": second} {
		if asked := stage.Evaluate[int](t, tab, `document.querySelectorAll('#requests [data-method="GET"][data-path="/api/me/player"]').length`); asked != 0 {
			t.Errorf("the %s tab has polled %d times", name, asked)
		}
		stage.Await(t, tab, "the tabs are counted", `document.querySelector("#player-live").textContent === "Live in 2 tabs"`)
		stage.Await(t, tab, "the saved polls are counted", `/[1-9]\d* polls of other tabs/.test(document.querySelector("#figure-saved-how").textContent)`)
	}
	expectNothingHeld(t, second)
	if found := stage.Evaluate[string](t, second, `document.querySelector("#figure-tokens").textContent`); found != "0" {
		t.Errorf("the proof says %q tokens", found)
	}
}

// TestDemoPlaysARow starts a track of a playlist, which then is marked as the current one.
func TestDemoPlaysARow(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the demo", chromedp.Navigate(stage.StartDemo(t).Home), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "ada")
	stage.Act(t, tab, "open a playlist", chromedp.Click(chromedp.CSS("#playlists button")), chromedp.WaitVisible(chromedp.CSS("#tracks[open] li:nth-child(3) .track")))
	name := stage.Evaluate[string](t, tab, `document.querySelector("#tracks-list li:nth-child(3) .tile-name").textContent`)
	stage.Act(t, tab, "play its third track", chromedp.Click(chromedp.CSS("#tracks-list li:nth-child(3) .track")))
	stage.Await(t, tab, "it plays", fmt.Sprintf(`%s === %q`, playerTitle, name))
	stage.Await(t, tab, "the gateway says so", `document.querySelector("#requests [data-method=PUSH]") !== null && document.querySelector("#player-state").textContent.startsWith("Playing on")`)
	stage.Await(t, tab, "its row is the current one", `document.querySelector("#tracks-list li:nth-child(3) .track").ariaCurrent === "true"`)
}

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestLiveSevenPages opens seven pages with a stream in one browser, which has six connections to a host over HTTP/1.1. They
// share one stream, so that each sees every change, and requests still pass.
func TestLiveSevenPages(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{
		Accounts: stage.Radio, Spotify: stage.Listener,
		Routes: stage.Pages{
			"widget.html": `<!doctype html><script type="module">
import { createClient } from '/auth/client.js';
createClient().live('/onair/me/player', { onState: (player) => { document.title = player.item.id; } });
</script>`,
			"seven.html": `<!doctype html><script>
for (let i = 0; i < 7; i++) document.documentElement.append(Object.assign(document.createElement('iframe'), { src: '/widget.html' }));
const shown = () => new Set(Array.from(document.querySelectorAll('iframe'), (page) => page.contentDocument.title));
</script>`,
		}.Route(t, stage.LiveRadio, stage.RadioRoute),
	})
	w.ConnectAccount(t, "radio", "ada")
	tab := stage.Chromium(t)
	stage.Act(t, tab, "open the pages", chromedp.Navigate(w.Balancer.URL+"/seven.html"))
	stage.Await(t, tab, "a track on every page", `shown().size === 1 && !shown().has('')`)
	first := stage.Evaluate[string](t, tab, `[...shown()][0]`)
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	stage.Await(t, tab, "the next track on every page", `shown().size === 1 && !shown().has('`+first+`')`)
	if streams := w.Replicas[0].Metric("stagedoor_live_streams"); streams != 1 {
		t.Errorf("seven pages have %v streams, want 1", streams)
	}
	stage.Fetched(t, tab, stage.NowPlaying)
	stage.Evaluate[bool](t, tab, `document.querySelector('iframe').remove() ?? true`) // it may well have the stream
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	second := stage.Evaluate[string](t, tab, `[...shown()][0]`)
	stage.Await(t, tab, "the track after it on the others", `shown().size === 1 && !shown().has('`+second+`')`)
}

// widget shows the track that plays as its title, and counts how often it comes back from the back-forward cache.
const widget = `<!doctype html><script type="module">
import { createClient } from '/auth/client.js';
window.returns = 0;
addEventListener('pageshow', ({ persisted }) => { if (persisted) window.returns++; });
createClient().live('/onair/me/player', { onState: (player) => { document.title = player.item.id; } });
</script>`

// widgetWorld is a replica with the widget, and a tab in which the widget shows a track.
func widgetWorld(t *testing.T) (w *stage.World, tab context.Context) {
	t.Helper()
	w = stage.NewWorld(t, stage.Options{
		Accounts: stage.Radio, Spotify: stage.Listener,
		Routes: stage.Pages{"widget.html": widget, "else.html": "<!doctype html><title>elsewhere</title>"}.Route(t, stage.LiveRadio, stage.RadioRoute),
	})
	w.ConnectAccount(t, "radio", "ada")
	tab = stage.Chromium(t)
	stage.Act(t, tab, "open the widget", chromedp.Navigate(w.Balancer.URL+"/widget.html"))
	stage.Await(t, tab, "a track", `document.title !== ''`)
	return w, tab
}

// next lets another track play, and returns what does then.
func next(t *testing.T, w *stage.World) string {
	t.Helper()
	if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
		t.Fatal(err)
	}
	var player struct{ Item struct{ ID string } }
	a := w.Visitor().Get(stage.NowPlaying, "Cache-Control", "no-cache")
	a.Decode(t, &player)
	if player.Item.ID == "" {
		t.Fatalf("nothing plays: %s %s", a.Summary(), a.Body)
	}
	return player.Item.ID
}

// lifecycle sets whether a tab is frozen.
func lifecycle(state page.SetWebLifecycleStateState) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, target *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, target, page.SetWebLifecycleState, page.SetWebLifecycleStateParams{State: state})
		return none, err
	}
}

// awaitTitle waits until the tab shows a track. The tab may be in the background, and on its way between pages.
func awaitTitle(t *testing.T, tab context.Context, what, track string) {
	t.Helper()
	sessiontest.Eventually(t, stage.PageTime, what, func() bool {
		bounded, cancel := context.WithTimeout(tab, 5*time.Second)
		defer cancel()
		title, err := chromedp.Run(bounded, chromedp.Evaluate[string](`document.title`))
		return err == nil && title == track
	})
}

// TestLiveFrozenPage freezes a tab while the track changes. A tab beside it sees the change meanwhile, and the frozen one when
// it wakes.
func TestLiveFrozenPage(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	w, tab := widgetWorld(t)
	other := stage.AnotherTab(t, tab)
	stage.Act(t, other, "open the widget again", chromedp.Navigate(w.Balancer.URL+"/widget.html"))
	stage.Await(t, other, "a track", `document.title !== ''`)
	stage.Act(t, tab, "freeze the tab", lifecycle(page.SetWebLifecycleStateStateFrozen))
	track := next(t, w)
	awaitTitle(t, other, "the change on the tab that is awake", track)
	track = next(t, w)
	awaitTitle(t, other, "the next change", track)
	stage.Act(t, tab, "wake the tab", lifecycle(page.SetWebLifecycleStateStateActive))
	awaitTitle(t, tab, "the newest state after waking", track)
	track = next(t, w)
	awaitTitle(t, tab, "the stream goes on", track)
	if streams := w.Replicas[0].Metric("stagedoor_live_streams"); streams != 1 {
		t.Errorf("two pages have %v streams, want 1", streams)
	}
}

// TestLiveBackForwardCache leaves the page and comes back to it in the state that it was left in.
func TestLiveBackForwardCache(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	w, tab := widgetWorld(t)
	stage.Act(t, tab, "go elsewhere", chromedp.Navigate(w.Balancer.URL+"/else.html"))
	sessiontest.Eventually(t, stage.PageTime, "the page that was left has no stream", func() bool {
		return w.Replicas[0].Metric("stagedoor_live_streams") == 0
	})
	track := next(t, w)
	stage.Evaluate[bool](t, tab, `setTimeout(() => history.back()) > 0`) // chromedp's own way back waits for a load, which the cache saves
	awaitTitle(t, tab, "the newest state", track)
	if returns := stage.Evaluate[int](t, tab, `window.returns`); returns != 1 {
		t.Errorf("the page came back from the cache %d times, want 1", returns)
	}
	track = next(t, w)
	awaitTitle(t, tab, "the stream goes on", track)
}

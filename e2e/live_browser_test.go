package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestLiveSevenPages opens seven pages with a stream in one browser, which has six connections to a host over HTTP/1.1. They
// share one stream, so that each sees every change, and requests still pass.
func TestLiveSevenPages(t *testing.T) {
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

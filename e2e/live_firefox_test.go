package e2e

import (
	"fmt"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestLiveInFirefox listens to what plays in Firefox, and the gateway restarts: the page gets the newest state by itself, whether
// its connection is refused meanwhile or a proxy answers in the gateway's place.
func TestLiveInFirefox(t *testing.T) {
	stage.OnlyLong(t, "It starts Firefox")
	tab := stage.Firefox(t)
	w := stage.NewWorld(t, stage.Options{
		Spotify: stage.Listener,
		Routes: stage.Pages{
			"player.html": `<!doctype html><script type="module">
import { createClient } from '/auth/client.js';
createClient().live('/live/me/player', { onState: (player) => { document.title = player.item.id; } });
</script>`,
		}.Route(t, stage.LiveRoute, stage.UserRoute),
	})
	tab.Open(w.Balancer.URL + "/auth/login")
	tab.Click(`input[value="ada"]`)
	tab.Click(`button[value="agree"]`)
	tab.Await("back from the login", fmt.Sprintf(`location.origin === %q && document.title === "frontend"`, w.Balancer.URL))
	gateway := w.Replicas[0]
	edit(gateway, "listen: 127.0.0.1:0\n", "listen: "+gateway.Public()+"\n") // it keeps its address
	next := func() {
		t.Helper()
		if err := w.Spotify.Remote("ada", simulator.Remote{Action: "next"}); err != nil {
			t.Fatal(err)
		}
	}
	for name, origin := range map[string]string{"a proxy": w.Balancer.URL, "the gateway": "http://" + gateway.Public()} {
		tab.Open(origin + "/player.html") // a cookie is for all ports of a host
		tab.Await("a state from "+name, `document.title !== ""`)
		first := tab.Evaluate("document.title")
		next()
		tab.Await("the next state from "+name, "document.title !== "+first)
		second := tab.Evaluate("document.title")
		gateway.Restart()
		next()
		tab.Await("a state after a restart from "+name, fmt.Sprintf("![%s, %s].includes(document.title)", first, second))
	}
}

// TestDemoInFirefox is a person who logs in to the demo with Firefox and sees what plays.
func TestDemoInFirefox(t *testing.T) {
	stage.OnlyLong(t, "It starts Firefox")
	tab := stage.Firefox(t)
	tab.Open(stage.StartDemo(t).Home)
	tab.Click(loginButton)
	tab.Click(`input[name="user"][value="ada"]`)
	tab.Click(`button[value="agree"]`)
	tab.Await("logged in", `document.querySelector('`+profileName+`') !== null`)
	tab.Await("the player is live", playerIsLive)
	title := tab.Evaluate(playerTitle)
	tab.Click("#player-next")
	tab.Await("the next track", playerTitle+" !== "+title)
}

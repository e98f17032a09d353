package attack

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// realApp is a frontend at the gateway's own origin. It has a cookie of its own.
const realApp = `<!doctype html><meta charset="utf-8"><title>App</title>
<p id="name"></p><p id="state"></p><a id="login" href="/auth/login">Log in</a>
<button id="pause" hidden>Pause</button><button id="logout">Log out</button>
<form method="post" action="/auth/logout"><button id="leave">Log out and go</button></form>
<script type="module">
document.cookie = 'tune=1; Secure; SameSite=None';
const show = (id, text) => { document.getElementById(id).textContent = text; };
const answered = (path, method) => async () => show('state', method + ' ' + (await fetch(path, { method })).status);
document.getElementById('pause').onclick = answered('/api/me/player/pause', 'PUT');
document.getElementById('logout').onclick = answered('/auth/logout', 'POST');
const me = await fetch('/api/me');
show('name', me.ok ? (await me.json()).display_name : me.headers.get('Stagedoor-Reason'));
document.getElementById('pause').hidden = !me.ok;
</script>`

// listedApp is a frontend on another site, which is in allowed_origins.
const listedApp = `<!doctype html><meta charset="utf-8"><title>Listed app</title><p id="name"></p>
<script type="module">
import { createClient } from 'https://app.example.test/auth/client.js';
globalThis.client = createClient({ base: 'https://app.example.test' });
globalThis.told = (promise) => promise.then(() => 'done', (e) => [e.status, e.reason, e.retryAfter, e.loginUrl].join(' '));
document.getElementById('name').textContent = (await client.get('/api/me')).display_name;
</script>`

// serveApp is what a person does with the app, behind a proxy that ends TLS and may rewrite Host.
func (c *crossing) serveApp(t *testing.T) {
	t.Helper()
	stage.Act(t, c.app, "open the app", chromedp.Navigate(appOrigin+"/"), chromedp.WaitVisible(chromedp.CSS("#pause")))
	stage.ExpectText(t, c.app, "#name", "Ada Marlow")
	c.click(t, "#pause", "PUT 200")
	if paused := c.spotifySaw(http.MethodPut, "/v1/me/player/pause"); paused != 1 {
		t.Errorf("Spotify has seen %d PUT, want 1", paused)
	}
	c.click(t, "#logout", "POST 204")
	stage.Act(t, c.app, "look again", chromedp.Reload())
	stage.Await(t, c.app, "the app knows", `document.querySelector("#name").textContent === "LOGIN_REQUIRED"`)
	c.logIn(t)
	stage.Act(t, c.app, "log out by the form",
		chromedp.Click(chromedp.CSS("#leave")), chromedp.WaitNotVisible(chromedp.CSS("#pause")))
	stage.Await(t, c.app, "the app knows", `document.querySelector("#name").textContent === "LOGIN_REQUIRED"`)
}

// click waits for what the app says about it.
func (c *crossing) click(t *testing.T, button, want string) {
	t.Helper()
	stage.Act(t, c.app, button, chromedp.Click(chromedp.CSS(button)))
	stage.Await(t, c.app, want, `document.querySelector("#state").textContent !== ""`)
	stage.ExpectText(t, c.app, "#state", want)
	stage.Evaluate[string](t, c.app, `document.querySelector("#state").textContent = ""`)
}

// spotifySaw counts calls since the log was emptied.
func (c *crossing) spotifySaw(method, path string) int {
	match := simulator.Match{Side: simulator.SideAPI, Method: method, Path: path}
	return len(c.w.Spotify.Seen(simulator.Filter{Match: match}))
}

// serveListed does as a page of a listed origin what others must not. It also shows that their tricks would work.
func (c *crossing) serveListed(t *testing.T) {
	t.Helper()
	c.logIn(t)
	c.w.Spotify.ForgetSeen()
	page := c.open(t, frontendOrigin+"/attack")
	for _, trick := range []struct{ script, want, method, path string }{
		{`send(at('/api/me/player/next'), {method: 'POST', mode: 'no-cors'})`, "opaque", "POST", "/v1/me/player/next"},
		{`send(at('/api/me/player/volume?volume_percent=3'), {method: 'PUT'})`, "read 204", "PUT", "/v1/me/player/volume"},
		{`send(at('/api/me'))`, "read 200", "GET", "/v1/me"},
	} {
		if got := attack(t, page, trick.script, "listed"); !strings.HasPrefix(got, trick.want) {
			t.Errorf("%s: %q, want %q", trick.script, got, trick.want)
		}
		if calls := c.spotifySaw(trick.method, trick.path); calls != 1 {
			t.Errorf("%s: Spotify has seen %d calls, want 1", trick.script, calls)
		}
	}
	c.serveClient(t)
}

// serveClient uses client.js on another site, errors included.
func (c *crossing) serveClient(t *testing.T) {
	t.Helper()
	page := c.open(t, frontendOrigin+"/")
	stage.Await(t, page, "the name", `document.querySelector("#name").textContent !== ""`)
	stage.ExpectText(t, page, "#name", "Ada Marlow")
	told := func(call, want string) {
		t.Helper()
		got := stage.Read(t, page, call, chromedp.Evaluate[string]("told("+call+")", chromedp.EvalAwaitPromise))
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %q", call, got, want)
		}
	}
	told(`client.put('/api/me/player/volume?volume_percent=3')`, "done")
	c.w.Preset("api-503", func(f *simulator.Fault) { f.Match.Method, f.Times = http.MethodPut, 1 })
	told(`client.put('/api/me/player/volume?volume_percent=3')`, "503  3") // Spotify's own, without a reason
	c.w.Redis.Stop()
	told(`client.logout()`, "503 STORE_UNAVAILABLE 1")
	c.w.Redis.Start()
	told(`client.logout()`, "done")
	told(`client.get('/api/me')`, "401 LOGIN_REQUIRED  "+appOrigin+"/auth/login")
}

package attack

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// speakToFrontend opens a WebSocket to the frontend's route. That is an ordinary reverse proxy: who may connect is the
// frontend's to say, by the Origin that it gets. What holds is that no session speaks there: the gateway's cookie stays
// behind, and only the frontend's own goes along.
func (c *crossing) speakToFrontend(t *testing.T, a *attacks, page context.Context, from foreigner) {
	t.Helper()
	const number = "socket"
	heard := attack(t, page, `talk(at('/socket'))`, number)
	want := fmt.Sprintf("read Origin %s, Cookie tune=1", from.origin)
	a.expect(heard == want, "a WebSocket to the frontend says %q, want %q", heard, want)
	for _, p := range c.door.seen(number) {
		if p.status != http.StatusSwitchingProtocols || c.travels(from) && !p.cookie {
			t.Errorf("the WebSocket came as %s", p)
		}
	}
}

// showNoPageInFrames has the app itself put a page of the gateway's into a frame: if even that is refused, so are others.
func (c *crossing) showNoPageInFrames(t *testing.T) {
	a := newAttacks(t, "frames around the gateway's pages")
	frame := func(path string) string {
		return stage.Read(t, c.app, "frame "+path, chromedp.Evaluate[string](fmt.Sprintf(`new Promise(resolve => {
			const frame = document.createElement('iframe');
			frame.onload = () => resolve(frame.contentDocument ? 'shown' : 'refused');
			frame.src = %q;
			document.body.append(frame);
		})`, path), chromedp.EvalAwaitPromise))
	}
	if got := frame("/attack"); got != "shown" {
		t.Errorf("the frontend's own page in a frame is %s, which makes the rest say nothing", got)
	}
	for _, path := range []string{"/auth/callback", "/auth/callback?code=x&state=y", "/auth/connect?ticket=x"} {
		got := frame(path)
		a.expect(got == "refused", "%s in a frame is %s", path, got)
	}
}

// goThroughHistory has a person reload the page to which another site has sent them, come back to it, and let a form be
// sent again: whatever the browser then says of where it comes from, nothing becomes of it.
func (c *crossing) goThroughHistory(t *testing.T) {
	a := newAttacks(t, "history and reload")
	c.w.Spotify.ForgetSeen()
	tab := c.open(t, otherOrigin+"/attack")
	refused := chromedp.WaitVisible(chromedp.CSS(".code"))
	for number, script := range map[string]string{
		"visited":   `location.href = at('/auth/session')`,
		"submitted": `submit(at('/auth/logout?everywhere=true'), {into: 'page'})`,
	} {
		attack(t, tab, script, number)
		stage.Act(t, tab, "reload", refused, chromedp.Reload(), refused)
		stage.Act(t, tab, "come back and reload", chromedp.Navigate(otherOrigin+"/attack"), goBack(), chromedp.Reload(), refused)
		seen := c.door.seen(number)
		if len(seen) < 3 {
			t.Errorf("%s: only %v came", script, seen)
		}
		for _, p := range seen {
			a.expect(p.status == http.StatusForbidden, "%s: %s", script, p)
		}
		stage.Act(t, tab, "leave", chromedp.Navigate(otherOrigin+"/attack"))
	}
	if api := c.w.Spotify.Counts().API; api != 0 {
		t.Errorf("after the history Spotify has seen %d calls", api)
	}
	c.expectLoggedIn(t, "after the history")
}

// goBack goes back, also to the answer to a form, where Chromium shows a page of its own: a reload sends the form again.
func goBack() chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := chromedp.NavigateBack()(ctx, target)
		if err != nil && strings.Contains(err.Error(), "ERR_CACHE_MISS") {
			return nil
		}
		return err
	})
}

// cachedCall is one whose answer browsers may keep.
const cachedCall = "/api/search?q=a&type=artist"

// fillCache makes the app's own calls leave an answer in the browser's cache.
func (c *crossing) fillCache(t *testing.T) {
	t.Helper()
	path := cachedCall + "&case=cache"
	first := stage.Fetched(t, c.app, path)
	c.w.Spotify.ForgetSeen()
	if second := stage.Fetched(t, c.app, path); second != first || c.w.Spotify.Counts().API != 0 {
		t.Errorf("the app's second call was not from the cache: %s", second)
	}
}

// askCache has a page ask for what the app has left in the browser's cache, which a sibling shares.
func (c *crossing) askCache(t *testing.T, a *attacks, page context.Context) {
	t.Helper()
	for _, script := range []string{
		`send(at('%s'), {cache: 'force-cache'})`, `send(at('%s'), {cache: 'only-if-cached'})`,
		`send(at('%s'), {cache: 'force-cache', mode: 'no-cors'})`,
		`load('script', {src: at('%s')})`, `load('iframe', {src: at('%s')})`,
	} {
		script = fmt.Sprintf(script, cachedCall)
		learned := attack(t, page, script, "cache")
		a.expect(!strings.HasPrefix(learned, "read"), "%s from the cache: %s", script, learned)
	}
}

// attack lets a page try a single trick, and returns what the page has learned.
func attack(t *testing.T, page context.Context, script, number string) string {
	t.Helper()
	call := fmt.Sprintf("attack([[%q, %q]]).then(learned => learned[%q])", number, script, number)
	return stage.Read(t, page, script, chromedp.Evaluate[string](call, chromedp.EvalAwaitPromise))
}

package attack

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// TestNavigationToAnAPIPath opens an address of the API in a browser without a login. The login leads back to
// it from another site, and it shows. So it does when another site has a link to it, in which the page of that site cannot
// look; see TestCrossOrigin for all else that such a page may try.
func TestNavigationToAnAPIPath(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	c := newCrossing(t, "lax")
	c.click(t, "#logout", "POST 204")
	const address = appOrigin + "/api/me/?case=opened&x=a%2Bb"
	shown := `document.contentType === "application/json" && document.body.innerText.includes("Ada Marlow")`

	text := chromedp.WaitVisible(chromedp.CSS("pre")) // in which a browser shows JSON

	tab := c.open(t, address)
	stage.Act(t, tab, "log in",
		chromedp.Click(chromedp.CSS(`input[value="ada"]`)), chromedp.Click(chromedp.CSS(`button[value="agree"]`)), text)
	stage.Await(t, tab, "the answer of the API", shown)
	if got := stage.Evaluate[string](t, tab, "location.href"); got != address {
		t.Errorf("the login led to %s, want %s", got, address)
	}
	last := c.door.seen("opened")
	if n := len(last); n != 2 || last[0].status != http.StatusFound || last[1].site != "cross-site" || last[1].status != http.StatusOK {
		t.Errorf("the gateway got %v, want a redirect to the login and an answer to a navigation from another site", last)
	}
	stage.Act(t, tab, "reload", chromedp.Reload(), text)
	stage.Await(t, tab, "the same answer", shown)

	other := c.open(t, otherOrigin+"/attack")
	stage.Act(t, other, "follow a link", chromedp.Evaluate[chromedp.Void](`location.href = "`+appOrigin+`/api/me?case=linked"`), text)
	stage.Await(t, other, "the answer behind a link", shown)
	if linked := c.door.seen("linked"); len(linked) != 1 || linked[0].site != "cross-site" || linked[0].status != http.StatusOK {
		t.Errorf("the link brought %v", linked)
	}
}

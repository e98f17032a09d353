package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// pictures is where TestPictures leaves what it sees: STAGEDOOR_TEST_LONG=true go test ./e2e -run TestPictures -pictures "$PWD/docs/pictures"
var pictures = flag.String("pictures", "", "the folder for pictures of the pages; empty takes none along")

// screen is what a person looks at a page with.
type screen struct {
	name          string
	width, height int64
	scheme        string
}

var screens = []screen{
	{"desktop", 1280, 900, "light"},
	{"desktop-dark", 1280, 900, "dark"},
	{"phone", 390, 844, "light"},
	{"phone-dark", 390, 844, "dark"},
}

// TestPictures looks at every page on every screen: nothing may stick out sideways.
func TestPictures(t *testing.T) {
	stage.OnlyLong(t, "pictures of the pages on four screens")
	tab := stage.Chromium(t)
	home := stage.StartDemo(t).Home

	stage.Act(t, tab, "open the demo", chromedp.Navigate(home), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	look(t, tab, "anonymous")
	stage.Act(t, tab, "deny", chromedp.Click(chromedp.CSS(loginButton)), chromedp.WaitVisible(chromedp.CSS(`button[value="cancel"]`)))
	look(t, tab, "consent")
	stage.Act(t, tab, "deny", chromedp.Click(chromedp.CSS(`button[value="cancel"]`)), chromedp.WaitVisible(chromedp.CSS(".code")))
	look(t, tab, "error-denied")
	stage.Act(t, tab, "go home", chromedp.Click(chromedp.CSS(`a[href="/"]`)), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "dora")
	look(t, tab, "error-not-registered")
	stage.Act(t, tab, "a bad callback", chromedp.Navigate(home+"/auth/callback?state=x"), chromedp.WaitVisible(chromedp.CSS(".code")))
	look(t, tab, "error-begin-again")
	stage.Act(t, tab, "go home", chromedp.Click(chromedp.CSS(`a[href="/"]`)), chromedp.WaitVisible(chromedp.CSS(loginButton)))
	logIn(t, tab, "ada")
	stage.Await(t, tab, "the page is complete", `document.querySelectorAll("#playlists li").length > 0 &&
		document.querySelector("#player-title").textContent !== "" && document.querySelectorAll("#artists li").length > 0`)
	look(t, tab, "demo")
}

// look takes a picture on every screen.
func look(t *testing.T, tab context.Context, name string) {
	t.Helper()
	for _, s := range screens {
		scheme := &emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}},
		}
		stage.Act(t, tab, name+" on "+s.name, chromedp.EmulateViewport(s.width, s.height),
			chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
				_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, *scheme)
				return err
			}))
		if wide := stage.Evaluate[int](t, tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
			t.Errorf("%s is %d px too wide for a %s", name, wide, s.name)
		}
		picture := stage.Read(t, tab, "a picture", chromedp.CaptureScreenshot())
		if *pictures == "" {
			continue
		}
		path := filepath.Join(*pictures, name+"-"+s.name+".png")
		if err := os.WriteFile(path, picture, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

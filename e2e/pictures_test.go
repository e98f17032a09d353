package e2e

import (
	"bytes"
	"context"
	"flag"
	"image"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// pictures is where the tests of this file leave what they see: STAGEDOOR_TEST_LONG=true go test ./e2e -run TestPicture -pictures "$PWD/docs/pictures"
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
		document.querySelector("#player-title").textContent !== "" && document.querySelectorAll("#artists li").length > 0 &&
		document.querySelector("#entrance").hidden`)
	look(t, tab, "demo")
	stage.Act(t, tab, "open a playlist", chromedp.Click(chromedp.CSS("#playlists button")), chromedp.WaitVisible(chromedp.CSS("#tracks[open] .track")))
	look(t, tab, "demo-tracks")
}

// TestPicturesOfOtherPages looks at the pages that operators see, those of an app that is down or at rest, and the simulator's own.
func TestPicturesOfOtherPages(t *testing.T) {
	stage.OnlyLong(t, "pictures of the pages on four screens")
	tab := stage.Chromium(t)
	open := func(name, address, selector string) {
		t.Helper()
		stage.Act(t, tab, "open "+address, chromedp.Navigate(address), chromedp.WaitVisible(chromedp.CSS(selector)))
		look(t, tab, name)
	}
	demo := stage.StartDemo(t)
	open("operator", stage.Still(t, demo.Operator), "h1")
	w := stage.NewWorld(t, stage.Options{
		Accounts: stage.Radio, Routes: "\n  - " + stage.RadioRoute + "\n  - " + stage.UserRoute + "\n  - {path: /, upstream: \"http://" + sessiontest.FreeAddress(t) + "\"}\n",
	})
	open("error-frontend-is-down", w.Balancer.URL+"/", ".code")
	open("error-state-is-lost", w.Balancer.URL+"/auth/callback?code=x&state=x", ".code")
	open("connect", w.ConnectLink(t, "radio"), "button")
	stage.Act(t, tab, "connect", chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS(`button[value="agree"]`)),
		chromedp.Click(chromedp.CSS(`button[value="agree"]`)), chromedp.WaitVisible(chromedp.CSS("h1")))
	look(t, tab, "connected")
	open("simulator", w.Accounts.URL+"/", "h1")
	open("simulator-unknown-client", w.Accounts.URL+"/authorize?client_id=nobody", "h1")
	w.Redis.Stop()
	stage.Act(t, tab, "a page of the gateway", chromedp.Navigate(w.Balancer.URL+"/auth/none"), chromedp.WaitVisible(chromedp.CSS(".code")))
	stage.Evaluate[string](t, tab, `document.cookie = "stagedoor=" + "A".repeat(43) + "; path=/"`)
	open("error-store-is-down", w.Balancer.URL+"/api/me", ".code")
	resting := stage.NewWorld(t, stage.Options{Server: `maintenance: "We move house until noon."`})
	open("error-maintenance", resting.Balancer.URL+"/", ".code")
}

// TestPictureOfTwoTabs shows two tabs of one session, side by side: each has what the other does.
func TestPictureOfTwoTabs(t *testing.T) {
	stage.OnlyLong(t, "a picture of the demo in two tabs")
	first, second := openTwoTabs(t, stage.StartDemo(t).Home)
	stage.Await(t, second, "the saved polls are counted", `/[1-9]\d* polls of other tabs/.test(document.querySelector("#figure-saved-how").textContent)`)
	const width, height, gap = 390, 844, 20
	both := image.NewRGBA(image.Rect(0, 0, 2*width+gap, height))
	draw.Draw(both, both.Bounds(), image.White, image.Point{}, draw.Src)
	for i, tab := range []context.Context{first, second} {
		stage.Act(t, tab, "a phone", emulate(screen{width: width, height: height, scheme: []string{"light", "dark"}[i]}))
		seen, err := png.Decode(bytes.NewReader(stage.Read(t, tab, "a picture", chromedp.CaptureScreenshot())))
		if err != nil {
			t.Fatal(err)
		}
		at := image.Rect(0, 0, width, height).Add(image.Pt(i*(width+gap), 0))
		draw.Draw(both, at, seen, image.Point{}, draw.Src)
	}
	var file bytes.Buffer
	if err := png.Encode(&file, both); err != nil {
		t.Fatal(err)
	}
	keep(t, "demo-two-tabs", file.Bytes())
}

// look takes a picture on every screen.
func look(t *testing.T, tab context.Context, name string) {
	t.Helper()
	for _, s := range screens {
		stage.Act(t, tab, name+" on "+s.name, emulate(s))
		if wide := stage.Evaluate[int](t, tab, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
			t.Errorf("%s is %d px too wide for a %s", name, wide, s.name)
		}
		keep(t, name+"-"+s.name, stage.Read(t, tab, "a picture", chromedp.CaptureScreenshot()))
	}
}

// emulate gives a tab this screen.
func emulate(s screen) chromedp.Action[chromedp.Void] {
	scheme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}}}
	return chromedp.Steps(chromedp.EmulateViewport(s.width, s.height), chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, scheme)
		return err
	}))
}

// keep writes a picture to the folder of the flag.
func keep(t *testing.T, name string, picture []byte) {
	t.Helper()
	if *pictures == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*pictures, name+".png"), picture, 0o644); err != nil {
		t.Fatal(err)
	}
}

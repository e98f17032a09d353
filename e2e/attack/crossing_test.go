package attack

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
)

// The origins of the cross-origin tests. They share a machine and a certificate, but no browser knows.
const (
	appOrigin      = "https://app.example.test" // public_url
	siblingOrigin  = "https://evil.example.test"
	portOrigin     = "https://app.example.test:8443"
	plainOrigin    = "http://evil.example.test:8080"
	otherOrigin    = "https://attacker.test"
	frontendOrigin = "https://frontend.example.org" // in allowed_origins when same_site is none
)

// crossing is a gateway on https among other origins, and a browser in which ada is logged in.
type crossing struct {
	sameSite string
	w        *stage.World
	door     *door
	app      context.Context // a tab with the app
	handle   string          // of the session
}

// newCrossing logs ada in through the real pages.
func newCrossing(t *testing.T, sameSite string) *crossing {
	t.Helper()
	frontend := httptest.NewServer(originPages(realApp))
	t.Cleanup(frontend.Close)
	o := stage.Options{
		PublicURL: appOrigin,
		Spotify:   "scopes: [user-read-private, user-read-playback-state, user-modify-playback-state, streaming]",
		Session:   "browser_tokens: true\ncookie: {same_site: " + sameSite + "}",
		Routes:    fmt.Sprintf("\n  - %s\n  - {path: /, upstream: %q}\n", stage.UserRoute, frontend.URL),
	}
	host := ""
	if sameSite == "none" {
		o.Server = "allowed_origins: [" + frontendOrigin + "]"
		host = "gateway.internal:8080"
	}
	c := &crossing{sameSite: sameSite, w: stage.NewWorld(t, o)}
	foreign := originPages("")
	c.door = newDoor(t, appOrigin, host, c.w.Replicas[0].Public(), map[string]http.Handler{
		siblingOrigin: foreign, portOrigin: foreign, plainOrigin: foreign, otherOrigin: foreign,
		frontendOrigin: originPages(listedApp),
	})
	c.app = stage.Chromium(t, c.door.flags...)
	c.logIn(t)
	var list stage.SessionList
	stage.Answer{Body: stage.Fetched(t, c.app, "/auth/sessions")}.Decode(t, &list)
	if len(list.Sessions) != 1 {
		t.Fatalf("the sessions are %+v, want one", list)
	}
	c.handle = list.Sessions[0].Handle
	return c
}

// logIn is what a person does.
func (c *crossing) logIn(t *testing.T) {
	t.Helper()
	stage.Act(t, c.app, "log in", chromedp.Navigate(appOrigin+"/"),
		chromedp.Click(chromedp.CSS("#name:not(:empty) ~ #login")), // the name moves the link when it comes
		chromedp.Click(chromedp.CSS(`input[value="ada"]`)), chromedp.Click(chromedp.CSS(`button[value="agree"]`)),
		chromedp.WaitVisible(chromedp.CSS("#pause")))
}

// open opens a page in a tab of its own.
func (c *crossing) open(t *testing.T, page string) context.Context {
	t.Helper()
	tab := stage.AnotherTab(t, c.app)
	stage.Act(t, tab, "open "+page, chromedp.Navigate(page))
	return tab
}

// expectLoggedIn asks as the app does.
func (c *crossing) expectLoggedIn(t *testing.T, when string) {
	t.Helper()
	var s stage.Status
	stage.Answer{Body: stage.Fetched(t, c.app, "/auth/session")}.Decode(t, &s)
	if !s.Authenticated || s.User.ID != "ada" {
		t.Errorf("%s the session is %+v, want ada's", when, s)
	}
}

// originPages are what an origin of the tests serves: a home page, testdata/attack.html, an open redirect to the gateway,
// and a WebSocket that tells what it knows of its caller.
func originPages(home string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, home) // the browser tells
	})
	mux.HandleFunc("GET /attack", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, "testdata/attack.html")
	})
	mux.HandleFunc("/bounce", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", appOrigin+r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("GET /socket", tellCaller)
	return mux
}

// tellCaller accepts a WebSocket (RFC 6455 section 4.2.2) and says who calls, in one message of text.
func tellCaller(w http.ResponseWriter, r *http.Request) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = connection.Close() }()
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	said := "Origin " + r.Header.Get("Origin") + ", Cookie " + strings.Join(r.Header.Values("Cookie"), "; ")
	_, _ = fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n\x81%c%s", base64.StdEncoding.EncodeToString(sum[:]), len(said), said)
	_, _ = io.Copy(io.Discard, connection) // until the browser goes
}

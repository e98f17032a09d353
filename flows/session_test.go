package flows

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/httperror"
)

// The answers of GET /auth/session, to the letter: frontends are written against them.
func TestSessionStatus(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	const anonymous = `{"authenticated":false,"login_url":"/auth/login","reason":"LOGIN_REQUIRED"}`
	if a := b.do(http.MethodGet, "/auth/session"); a.StatusCode != http.StatusOK || a.body != anonymous {
		t.Errorf("a stranger is answered %d %s", a.StatusCode, a.body)
	}
	b.login("")
	a := b.do(http.MethodGet, "/auth/session")
	b.expect(a, http.StatusOK, "")
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	golden, err := os.ReadFile("testdata/session.json")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	if err := compact(&want, golden); err != nil {
		t.Fatal(err)
	}
	if a.body != want.String() {
		t.Errorf("the user is answered\n%s\nwant\n%s", a.body, want.String())
	}
	head := b.do(http.MethodHead, "/auth/session")
	b.expect(head, http.StatusOK, "")
	if head.body != "" || head.ContentLength != int64(len(a.body)) {
		t.Errorf("HEAD has %d bytes and a body of %q", head.ContentLength, head.body)
	}
	b.expect(b.do(http.MethodPost, "/auth/session"), http.StatusMethodNotAllowed, httperror.MethodRefused)
}

// compact is json.Compact with the characters escaped that Go escapes.
func compact(to *strings.Builder, golden []byte) error {
	var value json.RawMessage
	if err := json.Unmarshal(golden, &value); err != nil {
		return err
	}
	text, err := json.Marshal(value)
	to.Write(text)
	return err
}

// Members that are always there: a frontend does not have to ask first.
func TestSessionStatusOfAPlainUser(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.Config.Scopes = nil })
	g.spotify.answerToken(g.spotify.issue(""))
	g.spotify.answerMe(answerJSON(http.StatusOK, `{"id":"plain"}`))
	b := g.browser()
	if asked := b.begin(""); asked.Has("scope") {
		t.Errorf("the consent page is asked for the scope %q", asked.Get("scope"))
	}
	b.login("")
	a := b.do(http.MethodGet, "/auth/session")
	const user = `"user":{"id":"plain","account_id":"plain","display_name":"","image":null},"scopes":[],`
	if !strings.Contains(a.body, user) {
		t.Errorf("the answer is %s, want it to hold %s", a.body, user)
	}
}

// Looking does not keep a session alive.
func TestSessionStatusIsNoUse(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	b.login("")
	_, before := g.store.writes()
	for range 6 {
		g.clock.advance(24 * time.Hour)
		if !b.loggedIn() {
			t.Fatal("the session has ended early")
		}
	}
	if _, after := g.store.writes(); after != before {
		t.Errorf("looking wrote the session %d times", after-before)
	}
	g.clock.advance(24 * time.Hour)
	if b.loggedIn() {
		t.Error("the session outlived its idle timeout, because somebody looked")
	}
}

func TestSessionStatusWhileTheStoreIsDown(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	b.login("")
	g.store.fail(everything)
	b.expect(g.browser().do(http.MethodGet, "/auth/session"), http.StatusOK, "") // without a cookie there is nothing to ask
	a := b.do(http.MethodGet, "/auth/session")
	b.expect(a, http.StatusServiceUnavailable, httperror.StoreUnavailable)
	if a.Header.Get("Retry-After") == "" || len(a.Cookies()) != 0 {
		t.Errorf("Retry-After is %q and the cookies are %v", a.Header.Get("Retry-After"), a.Cookies())
	}
	g.store.fail(nil)
	if !b.loggedIn() {
		t.Error("the session did not outlive the outage")
	}
}

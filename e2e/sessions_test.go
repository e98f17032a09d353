package e2e

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestOwnSessions has one user in three browsers and another in a fourth: the list, and the end of one of them.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 3})
	laptop, phone, tablet, stranger := w.Visitor(), w.Visitor(), w.Visitor(), w.Visitor()
	for _, v := range []*stage.Visitor{laptop, phone, tablet} {
		v.Login("ada")
	}
	stranger.Login("ben")
	list, own, others := laptop.Sessions()
	if len(list.Sessions) != 3 || own == "" || len(others) != 2 {
		t.Fatalf("the list is %+v, want three with one's own", list)
	}
	for _, s := range list.Sessions {
		young := time.Since(s.CreatedAt) < time.Minute && !s.LastSeenAt.Before(s.CreatedAt)
		if !young || !strings.HasPrefix(s.UserAgent, "Go-http-client/") {
			t.Errorf("a session is listed as %+v", s)
		}
	}
	_, phones, _ := phone.Sessions()
	_, strangers, rest := stranger.Sessions()
	if len(rest) != 0 {
		t.Errorf("another user sees %v", rest)
	}

	for _, handle := range []string{
		strangers, "", "0000000000000000", "X" + phones[1:], phones + "0", phones[:8], "%2e%2e", "a/b",
	} {
		laptop.Do(http.MethodDelete, "/auth/sessions/"+handle, "").Expect(t, handle, http.StatusNotFound, "PATH_REFUSED")
	}
	phone.ExpectIn("before its end")
	stranger.ExpectIn("whatever others do")
	if a := laptop.Do(http.MethodDelete, "/auth/sessions/"+phones, ""); a.Status != http.StatusNoContent {
		t.Fatalf("DELETE of the phone answered %d %s", a.Status, a.Body)
	}
	phone.ExpectOut("after its end")
	tablet.ExpectIn("after the end of another")
	if a := laptop.Do(http.MethodDelete, "/auth/sessions/"+phones, ""); a.Status != http.StatusNotFound {
		t.Errorf("a second DELETE answered %d %s", a.Status, a.Body)
	}
	if a := laptop.Do(http.MethodDelete, "/auth/sessions/"+own, ""); a.Status != http.StatusNoContent {
		t.Errorf("DELETE of one's own session answered %d %s", a.Status, a.Body)
	}
	laptop.ExpectOut("after the end of its own session")
	if _, own, others := tablet.Sessions(); own == "" || len(others) != 0 {
		t.Errorf("what is left is %q and %v", own, others)
	}
	anonymous := w.Visitor()
	anonymous.Get("/auth/sessions").Expect(t, "anonymous", http.StatusUnauthorized, "LOGIN_REQUIRED")
	anonymous.Do(http.MethodDelete, "/auth/sessions/"+phones, "").Expect(t, "anonymous", http.StatusUnauthorized, "LOGIN_REQUIRED")
}

// TestHandleIsNoCookie tries a handle as a session cookie.
func TestHandleIsNoCookie(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	v, thief := w.Visitor(), w.Visitor()
	v.Login("ada")
	_, handle, _ := v.Sessions()
	home, err := url.Parse(w.Balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range v.Client.Jar.Cookies(home) {
		if strings.Contains(cookie.Value, handle) {
			t.Errorf("the cookie %s holds the handle", cookie.Name)
		}
	}
	for _, value := range []string{handle, strings.Repeat(handle, 4)[:43], handle + strings.Repeat("A", 43-len(handle))} {
		thief.Client.Jar.SetCookies(home, []*http.Cookie{{Name: "stagedoor", Value: value, Path: "/"}})
		if a := thief.Get("/api/me"); a.Status != http.StatusUnauthorized || a.Reason() != "LOGIN_REQUIRED" {
			t.Errorf("the cookie %q answered %d %s", value, a.Status, a.Body)
		}
	}
}

// TestSessionListForgetsWhatTimedOut lets sessions time out in Redis, and checks that a new login finds none of them, and
// that a session which is in use stays listed.
func TestSessionListForgetsWhatTimedOut(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	first, second := w.Visitor(), w.Visitor()
	first.Login("ada")
	second.Login("ada")
	w.Redis.Advance(8 * 24 * time.Hour) // beyond the idle timeout
	first.ExpectOut("after a week")
	first.Login("ada")
	if _, own, others := first.Sessions(); own == "" || len(others) != 0 {
		t.Errorf("after a week the list has %q and %v", own, others)
	}
}

// TestIndexPrunesItself counts fields: logins that time out must not make the index grow.
func TestIndexPrunesItself(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Session: "idle_timeout: 3s"})
	w.Visitor().Login("ada")
	size := func() int64 {
		key := w.Keys("*{index:*")
		if len(key) != 1 {
			t.Fatalf("the indexes are %v, want one", key)
		}
		fields, err := w.Redis.Do("HLEN", key[0])
		if err != nil {
			t.Fatal(err)
		}
		return fields.(int64)
	}
	one := size()
	w.Visitor().Login("ada")
	const perSession = 2 // the value that this client's name makes is in two pieces
	if two := size(); two != one+perSession {
		t.Fatalf("the index has %d fields for two sessions and %d for one", two, one)
	}
	sessiontest.Eventually(t, stage.StartTime, "both sessions time out", func() bool { return len(w.SessionKeys()) == 0 })
	w.Visitor().Login("ada")
	const ends = 2 // why the two have ended, of which an index keeps eight at most
	if got := size(); got > one+ends {
		t.Errorf("after the timeouts the index has %d fields, want at most %d", got, one+ends)
	}
}

// TestLogoutEverywhere ends all of a user's sessions from one browser, and no other user's.
func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 3})
	first, second, stranger := w.Visitor(), w.Visitor(), w.Visitor()
	first.Login("ada")
	second.Login("ada")
	stranger.Login("ben")
	first.Do(http.MethodPost, "/auth/logout?everywhere=true&everywhere=false", "").
		Expect(t, "doubled parameters", http.StatusBadRequest, "INVALID_REQUEST")
	first.Do(http.MethodPost, "/auth/logout?everywhere=true", "", "Origin", "https://evil.example").
		Expect(t, "another site", http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	second.ExpectIn("after what was refused")
	if a := first.Do(http.MethodPost, "/auth/logout?everywhere=true", ""); a.Status != http.StatusNoContent {
		t.Fatalf("the logout answered %d %s", a.Status, a.Body)
	}
	first.ExpectOut("after the logout")
	second.ExpectOut("after the logout in another browser")
	stranger.ExpectIn("after the logout of another user")
	if a := first.Do(http.MethodPost, "/auth/logout?everywhere=true", ""); a.Status != http.StatusNoContent {
		t.Errorf("a second logout answered %d %s", a.Status, a.Body)
	}
}

// sessionsPage lists the user's sessions and ends them all.
const sessionsPage = `<!doctype html><meta charset="utf-8"><title>Sessions</title>
<ul id="list"></ul><button id="everywhere">Log out everywhere</button><p id="state"></p>
<script type="module">
const answer = await fetch('/auth/sessions');
const body = await answer.json();
for (const session of body.sessions ?? []) {
  const item = document.createElement('li');
  item.textContent = (session.current ? 'this browser: ' : 'another: ') + session.user_agent;
  document.getElementById('list').append(item);
}
document.getElementById('state').textContent = answer.ok ? 'logged in' : body.error.reason;
document.getElementById('everywhere').onclick = async () => {
  const ended = await fetch('/auth/logout?everywhere=true', { method: 'POST' });
  document.getElementById('state').textContent = ended.status;
};
</script>`

// TestSessionsInTwoChromiums shows the list in two browsers and logs out everywhere from one of them.
func TestSessionsInTwoChromiums(t *testing.T) {
	stage.OnlyLong(t, "Chromium shows the page for long")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Routes: stage.Pages{"sessions.html": sessionsPage}.Route(t, stage.UserRoute)})
	first, second := stage.Chromium(t), stage.Chromium(t)
	login := w.Balancer.URL + "/auth/login?return_to=/sessions.html"
	filled := `document.querySelector("#state").textContent !== ""`
	for _, tab := range []context.Context{first, second} {
		stage.Act(t, tab, "log in", chromedp.Navigate(login), chromedp.Click(`input[value="ada"]`),
			chromedp.Click(`button[value="agree"]`), chromedp.WaitVisible("#everywhere"))
	}
	stage.Await(t, second, "the list", filled)
	stage.Act(t, first, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	stage.Await(t, first, "the list", filled)
	stage.ExpectText(t, first, "#list", "this browser: Mozilla")
	stage.ExpectText(t, first, "#list", "another: Mozilla")
	stage.ExpectText(t, second, "#list", "another: Mozilla")

	stage.Act(t, first, "log out everywhere", chromedp.Click("#everywhere"))
	stage.Await(t, first, "the logout", `document.querySelector("#state").textContent === "204"`)
	stage.Act(t, second, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	stage.Await(t, second, "an answer", filled)
	stage.ExpectText(t, second, "#state", "LOGIN_REQUIRED")
	stage.Act(t, first, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	stage.Await(t, first, "an answer", filled)
	stage.ExpectText(t, first, "#state", "LOGIN_REQUIRED")
}

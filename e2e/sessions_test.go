package e2e

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/session/sessiontest"
)

// sessionList is what GET /auth/sessions answers.
type sessionList struct {
	Sessions []struct {
		Handle     string
		CreatedAt  time.Time `json:"created_at"`
		LastSeenAt time.Time `json:"last_seen_at"`
		UserAgent  string    `json:"user_agent"`
		Current    bool
	}
}

// sessions returns the list, and the handles of this browser and of the others.
func (v *visitor) sessions() (list sessionList, own string, others []string) {
	v.t.Helper()
	a := v.get("/auth/sessions")
	if a.status != http.StatusOK {
		v.t.Fatalf("GET /auth/sessions answered %d %s", a.status, a.body)
	}
	a.decode(v.t, &list)
	for _, s := range list.Sessions {
		if s.Current {
			own = s.Handle
		} else {
			others = append(others, s.Handle)
		}
	}
	return list, own, others
}

// expectOut wants every replica to know the visitor no more, once it has heard of it.
func (v *visitor) expectOut(when string) {
	v.t.Helper()
	v.awaitOnAllReplicas(when, "/api/me", "401 LOGIN_REQUIRED")
}

// expectIn wants every replica to know the visitor.
func (v *visitor) expectIn(when string) {
	v.t.Helper()
	if said := v.onAllReplicas("/api/me"); said != "200" {
		v.t.Errorf("%s the replicas say %s, want 200", when, said)
	}
}

// TestOwnSessions has one user in three browsers and another in a fourth: the list, and the end of one of them.
func TestOwnSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3})
	laptop, phone, tablet, stranger := w.visitor(), w.visitor(), w.visitor(), w.visitor()
	for _, v := range []*visitor{laptop, phone, tablet} {
		v.login("ada")
	}
	stranger.login("ben")
	list, own, others := laptop.sessions()
	if len(list.Sessions) != 3 || own == "" || len(others) != 2 {
		t.Fatalf("the list is %+v, want three with one's own", list)
	}
	for _, s := range list.Sessions {
		young := time.Since(s.CreatedAt) < time.Minute && !s.LastSeenAt.Before(s.CreatedAt)
		if !young || !strings.HasPrefix(s.UserAgent, "Go-http-client/") {
			t.Errorf("a session is listed as %+v", s)
		}
	}
	_, phones, _ := phone.sessions()
	_, strangers, rest := stranger.sessions()
	if len(rest) != 0 {
		t.Errorf("another user sees %v", rest)
	}

	for _, handle := range []string{
		strangers, "", "0000000000000000", "X" + phones[1:], phones + "0", phones[:8], "%2e%2e", "a/b",
	} {
		laptop.do(http.MethodDelete, "/auth/sessions/"+handle, "").expect(t, handle, http.StatusNotFound, "PATH_REFUSED")
	}
	phone.expectIn("before its end")
	stranger.expectIn("whatever others do")
	if a := laptop.do(http.MethodDelete, "/auth/sessions/"+phones, ""); a.status != http.StatusNoContent {
		t.Fatalf("DELETE of the phone answered %d %s", a.status, a.body)
	}
	phone.expectOut("after its end")
	tablet.expectIn("after the end of another")
	if a := laptop.do(http.MethodDelete, "/auth/sessions/"+phones, ""); a.status != http.StatusNotFound {
		t.Errorf("a second DELETE answered %d %s", a.status, a.body)
	}
	if a := laptop.do(http.MethodDelete, "/auth/sessions/"+own, ""); a.status != http.StatusNoContent {
		t.Errorf("DELETE of one's own session answered %d %s", a.status, a.body)
	}
	laptop.expectOut("after the end of its own session")
	if _, own, others := tablet.sessions(); own == "" || len(others) != 0 {
		t.Errorf("what is left is %q and %v", own, others)
	}
	anonymous := w.visitor()
	anonymous.get("/auth/sessions").expect(t, "anonymous", http.StatusUnauthorized, "LOGIN_REQUIRED")
	anonymous.do(http.MethodDelete, "/auth/sessions/"+phones, "").expect(t, "anonymous", http.StatusUnauthorized, "LOGIN_REQUIRED")
}

// TestHandleIsNoCookie tries a handle as a session cookie.
func TestHandleIsNoCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	v, thief := w.visitor(), w.visitor()
	v.login("ada")
	_, handle, _ := v.sessions()
	home, err := url.Parse(w.balancer.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range v.client.Jar.Cookies(home) {
		if strings.Contains(cookie.Value, handle) {
			t.Errorf("the cookie %s holds the handle", cookie.Name)
		}
	}
	for _, value := range []string{handle, strings.Repeat(handle, 4)[:43], handle + strings.Repeat("A", 43-len(handle))} {
		thief.client.Jar.SetCookies(home, []*http.Cookie{{Name: "stagedoor", Value: value, Path: "/"}})
		if a := thief.get("/api/me"); a.status != http.StatusUnauthorized || a.reason() != "LOGIN_REQUIRED" {
			t.Errorf("the cookie %q answered %d %s", value, a.status, a.body)
		}
	}
}

// TestSessionListForgetsWhatTimedOut lets sessions time out in Redis, and checks that a new login finds none of them, and
// that a session which is in use stays listed.
func TestSessionListForgetsWhatTimedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{})
	first, second := w.visitor(), w.visitor()
	first.login("ada")
	second.login("ada")
	w.redis.Advance(8 * 24 * time.Hour) // beyond the idle timeout
	first.expectOut("after a week")
	first.login("ada")
	if _, own, others := first.sessions(); own == "" || len(others) != 0 {
		t.Errorf("after a week the list has %q and %v", own, others)
	}
}

// TestIndexPrunesItself counts fields: logins that time out must not make the index grow.
func TestIndexPrunesItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{session: "idle_timeout: 3s"})
	w.visitor().login("ada")
	size := func() int64 {
		key := w.keys("*{index:*")
		if len(key) != 1 {
			t.Fatalf("the indexes are %v, want one", key)
		}
		fields, err := w.redis.Do("HLEN", key[0])
		if err != nil {
			t.Fatal(err)
		}
		return fields.(int64)
	}
	one := size()
	w.visitor().login("ada")
	if two := size(); two != one+1 {
		t.Fatalf("the index has %d fields for two sessions and %d for one", two, one)
	}
	sessiontest.Eventually(t, startTime, "both sessions time out", func() bool { return len(w.sessionKeys()) == 0 })
	w.visitor().login("ada")
	if got := size(); got != one {
		t.Errorf("after the timeouts the index has %d fields, want %d", got, one)
	}
}

// TestLogoutEverywhere ends all of a user's sessions from one browser, and nobody else's.
func TestLogoutEverywhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3})
	first, second, stranger := w.visitor(), w.visitor(), w.visitor()
	first.login("ada")
	second.login("ada")
	stranger.login("ben")
	first.do(http.MethodPost, "/auth/logout?everywhere=true&everywhere=false", "").
		expect(t, "doubled parameters", http.StatusBadRequest, "INVALID_REQUEST")
	first.do(http.MethodPost, "/auth/logout?everywhere=true", "", "Origin", "https://evil.example").
		expect(t, "another site", http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	second.expectIn("after what was refused")
	if a := first.do(http.MethodPost, "/auth/logout?everywhere=true", ""); a.status != http.StatusNoContent {
		t.Fatalf("the logout answered %d %s", a.status, a.body)
	}
	first.expectOut("after the logout")
	second.expectOut("after the logout in another browser")
	stranger.expectIn("after the logout of another user")
	if a := first.do(http.MethodPost, "/auth/logout?everywhere=true", ""); a.status != http.StatusNoContent {
		t.Errorf("a second logout answered %d %s", a.status, a.body)
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
	t.Parallel()
	w := newWorld(t, options{routes: pages{"sessions.html": sessionsPage}.route(t, userRoute)})
	first, second := chromium(t), chromium(t)
	login := w.balancer.URL + "/auth/login?return_to=/sessions.html"
	filled := `document.querySelector("#state").textContent !== ""`
	for _, tab := range []context.Context{first, second} {
		act(t, tab, "log in", chromedp.Navigate(login), chromedp.Click(`input[value="ada"]`),
			chromedp.Click(`button[value="agree"]`), chromedp.WaitVisible("#everywhere"))
	}
	await(t, second, "the list", filled)
	act(t, first, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	await(t, first, "the list", filled)
	expectText(t, first, "#list", "this browser: Mozilla")
	expectText(t, first, "#list", "another: Mozilla")
	expectText(t, second, "#list", "another: Mozilla")

	act(t, first, "log out everywhere", chromedp.Click("#everywhere"))
	await(t, first, "the logout", `document.querySelector("#state").textContent === "204"`)
	act(t, second, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	await(t, second, "an answer", filled)
	expectText(t, second, "#state", "LOGIN_REQUIRED")
	act(t, first, "look again", chromedp.Reload(), chromedp.WaitVisible("#everywhere"))
	await(t, first, "an answer", filled)
	expectText(t, first, "#state", "LOGIN_REQUIRED")
}

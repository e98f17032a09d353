package e2e

import (
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// TestLeastRights lets gateways and operators do all that they do with Redis, with the rights that the handbook advises, and asks
// Redis whether it had to reject anything.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 2, tokenLifetime: 2 * time.Second, accounts: "radio: {}", quota: "calls: 1000"})
	ada, elsewhere, ben := w.visitor(), w.visitor(), w.visitor()
	for v, user := range map[*visitor]string{ada: "ada", elsewhere: "ada", ben: "ben"} {
		v.login(user)
		v.expectIn("after the login")
	}
	refreshed := func() bool { return len(w.refreshes()) > 0 }
	sessiontest.Eventually(t, startTime, "a token is refreshed", func() bool {
		ada.do("GET", "/api/me", "").expect(t, "a call", 200, "")
		return refreshed()
	})
	if list := w.operate(t, "sessions", "list"); strings.Count(list, "ada") < 2 {
		t.Errorf("sessions list prints\n%s", list)
	}
	ada.do("POST", "/auth/logout?everywhere=true", "").expect(t, "logout everywhere", 204, "")
	elsewhere.expectOut("after the logout everywhere")
	w.operate(t, "sessions", "revoke", "-user", "ben")
	ben.expectOut("after the revoke")
	ben.login("ben")
	ben.do("POST", "/auth/logout", "").expect(t, "logout", 204, "")
	w.operate(t, "accounts", "connect", "radio")
	w.operate(t, "accounts", "list")
	w.operate(t, "check", "-online")
	for _, p := range w.replicas {
		if status, text := p.ask("/readyz"); status != 200 || text != "ready\n" {
			t.Errorf("/readyz: %d %q", status, text)
		}
		if watching := p.metric("stagedoor_store_watching"); watching != 1 {
			t.Errorf("stagedoor_store_watching is %v", watching)
		}
		p.ask("/") // the operator's page counts sessions and replicas
	}
	if denied := w.redis.Denied(); len(denied) > 0 {
		t.Errorf("Redis has rejected %v", denied)
	}
}

// TestStoreTroubleIsSaid breaks Redis in ways that an operator has to mend. Each is one line in the log and in /readyz, with what to
// do, and one line says that it is over. Requests are not needed for that.
func TestStoreTroubleIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{knownAdmin: true})
	p := w.replicas[0]
	do := func(command ...string) {
		t.Helper()
		if _, err := w.redis.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	said := func(text string) int {
		return len(p.logged(func(l logLine) bool { return strings.Contains(l.Msg, text) }))
	}
	trouble := func(name string, begin func(), status int, want string, ready float64) {
		t.Helper()
		before := said(want)
		begin()
		sessiontest.Eventually(t, startTime, name+" is said in the log", func() bool { return said(want) > before })
		sessiontest.Eventually(t, startTime, name+" is in the metrics", func() bool {
			return p.metric(`stagedoor_ready{part="store"}`) == ready
		})
		if got, text := p.ask("/readyz"); got != status || !strings.Contains(text, want) {
			t.Errorf("%s: /readyz says %d %q, want %d %q", name, got, text, status, want)
		}
		if times := said(want) - before; times != 1 {
			t.Errorf("%s: the log says it %d times", name, times)
		}
	}
	const wrongPassword = "Redis says WRONGPASS; correct redis.username and password"
	trouble("a full Redis", func() { do("CONFIG", "SET", "maxmemory", "1") }, 200, "Redis is full (OOM)", 1)
	trouble("a right that lacks", func() {
		do("CONFIG", "SET", "maxmemory", "0")
		do("ACL", "SETUSER", sessiontest.LeastUser, "-set")
	}, 503, "Redis says NOPERM; give the user of redis.username its rights: ACL SETUSER least ", 0)
	trouble("a wrong password", func() {
		do("ACL", "SETUSER", sessiontest.LeastUser, "+set", "resetpass", ">another")
		do("CLIENT", "KILL", "USER", sessiontest.LeastUser)
	}, 503, wrongPassword, 0)
	trouble("a wrong password at the start", p.restart, 503, wrongPassword, 0)
	do("ACL", "SETUSER", sessiontest.LeastUser, "resetpass", ">"+sessiontest.LeastPassword)
	sessiontest.Eventually(t, startTime, "the log says that it is over", func() bool { return said("the session store is ready again") > 0 })
	trouble("no Redis", w.redis.Stop, 503, "connection refused; look whether it runs", 0)
}

package e2e

import (
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestLeastRights lets gateways and operators do all that they do with Redis, with the rights that the handbook advises, and asks
// Redis whether it had to reject anything.
func TestLeastRights(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 2, TokenLifetime: 2 * time.Second, Accounts: "radio: {}", Quota: "calls: 1000"})
	ada, elsewhere, ben := w.Visitor(), w.Visitor(), w.Visitor()
	for v, user := range map[*stage.Visitor]string{ada: "ada", elsewhere: "ada", ben: "ben"} {
		v.Login(user)
		v.ExpectIn("after the login")
	}
	refreshed := func() bool { return len(w.Refreshes()) > 0 }
	sessiontest.Eventually(t, stage.StartTime, "a token is refreshed", func() bool {
		ada.Do("GET", "/api/me", "").Expect(t, "a call", 200, "")
		return refreshed()
	})
	if list := w.Operate(t, "sessions", "list"); strings.Count(list, "ada") < 2 {
		t.Errorf("sessions list prints\n%s", list)
	}
	ada.Do("POST", "/auth/logout?everywhere=true", "").Expect(t, "logout everywhere", 204, "")
	elsewhere.ExpectOut("after the logout everywhere")
	w.Operate(t, "sessions", "revoke", "-user", "ben")
	ben.ExpectOut("after the revoke")
	ben.Login("ben")
	ben.Do("POST", "/auth/logout", "").Expect(t, "logout", 204, "")
	w.Operate(t, "accounts", "connect", "radio")
	w.Operate(t, "accounts", "list")
	w.Operate(t, "check", "-online")
	for _, p := range w.Replicas {
		if status, text := p.Ask("/readyz"); status != 200 || text != "ready\n" {
			t.Errorf("/readyz: %d %q", status, text)
		}
		if watching := p.Metric("stagedoor_store_watching"); watching != 1 {
			t.Errorf("stagedoor_store_watching is %v", watching)
		}
		p.Ask("/") // the operator's page counts sessions and replicas
	}
	if denied := w.Redis.Denied(); len(denied) > 0 {
		t.Errorf("Redis has rejected %v", denied)
	}
}

// TestStoreTroubleIsSaid breaks Redis in ways that an operator has to mend. Each is one line in the log and in /readyz, with what to
// do, and one line says that it is over. Requests are not needed for that.
func TestStoreTroubleIsSaid(t *testing.T) {
	stage.OnlyLong(t, "Redis fails in all ways, one after the other")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{KnownAdmin: true})
	p := w.Replicas[0]
	do := func(command ...string) {
		t.Helper()
		if _, err := w.Redis.Do(command...); err != nil {
			t.Fatal(err)
		}
	}
	said := func(text string) int {
		return len(p.Logged(func(l stage.LogLine) bool { return strings.Contains(l.Msg, text) }))
	}
	trouble := func(name string, begin func(), status int, want string, ready float64) {
		t.Helper()
		before := said(want)
		begin()
		sessiontest.Eventually(t, stage.StartTime, name+" is said in the log", func() bool { return said(want) > before })
		sessiontest.Eventually(t, stage.StartTime, name+" is in the metrics", func() bool {
			return p.Metric(`stagedoor_ready{part="store"}`) == ready
		})
		if got, text := p.Ask("/readyz"); got != status || !strings.Contains(text, want) {
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
	trouble("a wrong password at the start", p.Restart, 503, wrongPassword, 0)
	do("ACL", "SETUSER", sessiontest.LeastUser, "resetpass", ">"+sessiontest.LeastPassword)
	sessiontest.Eventually(t, stage.StartTime, "the log says that it is over", func() bool { return said("the session store is ready again") > 0 })
	trouble("no Redis", w.Redis.Stop, 503, "connection refused; look whether it runs", 0)
}

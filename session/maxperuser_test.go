package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/outcome"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// One session more than a user may have ends the one that was used longest ago, on every replica.
func TestMaxPerUser(t *testing.T) {
	server := sessiontest.StartRedis(t)
	config := testConfig()
	config.MaxPerUser, config.IdleTimeout = 3, 10*time.Second
	var managers []*session.Manager
	for range 2 {
		store := sessiontest.OpenRedis(t, server.Config())
		managers = append(managers, newManager(t, session.Options{Config: config, Store: store, Leases: store, Watch: store.Watch}))
	}
	var all []*browser
	for i := range 5 {
		b := &browser{}
		b.logIn(t, managers[i%2], goodFor(time.Hour))
		all = append(all, b)
		for _, m := range managers { // both have seen it
			mustPeek(t, m, b)
		}
	}
	other := &browser{}
	other.logInAs(t, managers[0], "ben", typicalUserAgent)
	for _, m := range managers {
		sessiontest.Eventually(t, watchTime, "the two oldest sessions have ended on each replica", func() bool {
			_, first := peek(m, all[0])
			_, second := peek(m, all[1])
			return first != nil && second != nil
		})
		for _, b := range []*browser{all[2], all[3], all[4], other} {
			mustPeek(t, m, b)
		}
		if list := mustList(t, m, "ada"); len(list) != 3 {
			t.Errorf("%d sessions are listed", len(list))
		}
	}
}

// What was used counts as young, and what is dead does not count.
func TestMaxPerUserGoesByUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplicas(t, 1, func(c *session.Config) { c.MaxPerUser, c.IdleTimeout = 3, 10*time.Hour })
		m, first, second, dead := r.managers[0], &browser{}, &browser{}, &browser{}
		for _, b := range []*browser{first, second, dead} {
			b.logIn(t, m, goodFor(100*time.Hour))
			pass(2 * time.Hour)
			if _, err := m.Find(first.request()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := r.store.Delete(t.Context(), dead.key()); err != nil { // as it expires, without a word to the index
			t.Fatal(err)
		}
		new(browser).logIn(t, m, goodFor(time.Hour))
		mustPeek(t, m, second)
		pass(time.Second)
		new(browser).logIn(t, m, goodFor(time.Hour))
		mustPeek(t, m, first)
		wantEnded(t, m, second)
		if r.logs.FilterMessage("audit").FilterField(zap.Stringer("reason", outcome.EndTooMany)).Len() != 1 {
			t.Error("there is not one audit line for what ended")
		}
	})
}

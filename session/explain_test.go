package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/outcome"
	"stagedoor/session"
)

// TestExplain asks about a user with sessions of every kind, and about each by its handle: both say the same.
func TestExplain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEndHouse(t, func(c *session.Config) { c.IdleTimeout = 24 * time.Hour })
		start := time.Now()
		idle := new(browser).logIn(t, h.first, goodFor(time.Hour))
		pass(23 * time.Hour)
		lost, out, rejected, alive := &browser{}, &browser{}, &browser{}, &browser{}
		lostSession, outSession := lost.logIn(t, h.first, goodFor(time.Hour)), out.logIn(t, h.first, goodFor(time.Hour))
		rejectedSession := rejected.logIn(t, h.first, goodFor(time.Hour))
		pass(time.Second)
		began := time.Now()
		aliveSession := alive.logIn(t, h.first, goodFor(time.Hour))
		check(t, h.second.End(newAnswer(), out.request(), false))
		h.tokens.answer = failing(session.ErrGrantEnded)
		_, err := h.first.Replace(t.Context(), rejectedSession, session.Token{Access: goodFor(0).Access})
		wantError(t, "the refresh", err, session.ErrReauthorize)
		_, err = h.store.Delete(t.Context(), lostSession.Key())
		check(t, err)
		pass(2 * time.Hour)

		want := map[string]struct {
			alive  bool
			reason outcome.End
			at     time.Time
		}{
			aliveSession.Handle():    {alive: true},
			rejectedSession.Handle(): {alive: true, reason: outcome.EndInvalidGrant, at: began},
			idle.Handle():            {reason: outcome.EndIdle, at: start.Add(24 * time.Hour)},
			lostSession.Handle():     {reason: outcome.EndStoreLost, at: time.Now()},
			outSession.Handle():      {reason: outcome.EndLogout, at: began},
		}
		operator := h.manager(t).Operator()
		all, err := operator.ExplainUser(t.Context(), "ada")
		check(t, err)
		for _, x := range all {
			w, expected := want[x.Handle]
			if !expected || x.Alive != w.alive || x.Reason != w.reason || x.EndedAt.Unix() != w.at.Unix() || x.User.ID != "ada" {
				t.Errorf("the user's %s: %+v, want %+v", x.Handle, x, w)
			}
			by, found, err := operator.ExplainHandle(t.Context(), x.Handle)
			if err != nil || !found || by != x {
				t.Errorf("by its handle: %+v, %v, %v, want %+v", by, found, err, x)
			}
		}
		if len(all) != len(want) || !all[0].Alive || !all[1].Alive {
			t.Errorf("%d are explained, want %d with the living first", len(all), len(want))
		}
		if x := all[0]; x.Handle == aliveSession.Handle() && (!x.IdleAt.Equal(began.Add(24*time.Hour)) || !x.Deadline.After(x.IdleAt)) {
			t.Errorf("it ends at %v, %v", x.IdleAt, x.Deadline)
		}
		for _, handle := range []string{"", "*", "0123456789abcdef", aliveSession.Handle()[:15]} {
			if _, found, err := operator.ExplainHandle(t.Context(), handle); found || err != nil {
				t.Errorf("%q: %v, %v", handle, found, err)
			}
		}
		if len(h.reports.all) != 2 { // the logout and the grant: to explain counts nothing
			t.Errorf("counted are %v", h.reports.all)
		}
	})
}

package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

// withLimits are the settings of replicas with other limits.
func withLimits(r *replicas, idle, lifetime time.Duration) session.Settings {
	s := settingsOf(r.tokens)
	s.Config.IdleTimeout, s.Config.MaxLifetime = idle, lifetime
	return s
}

// A limit that is raised while people are at work ends nobody's session: the store, which was told the old limit, is told
// the new one at the next use.
func TestRaisedLimitsHoldFromTheNextUse(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for _, c := range []struct {
		name           string
		idle, lifetime time.Duration // before
	}{
		{"idle_timeout", 4 * time.Second, session.GrantLifetime},
		{"max_lifetime", week, 4 * time.Second},
		{"both", 4 * time.Second, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, b := newReplicas(t, 2), &browser{}
				for _, m := range r.managers {
					use(t, m, withLimits(r, c.idle, c.lifetime))
				}
				b.logIn(t, r.managers[0], goodFor(100*24*time.Hour))
				pass(3 * time.Second)
				if _, err := find(r.managers[1], b); err != nil {
					t.Fatal(err)
				}
				for _, m := range r.managers {
					use(t, m, withLimits(r, week, session.GrantLifetime))
				}
				pass(100 * time.Millisecond) // sooner than activity is written otherwise
				if _, err := find(r.managers[0], b); err != nil {
					t.Fatalf("just after the change: %v", err)
				}
				saves := r.store.saves.Load()
				for i := range 60 {
					pass(time.Second)
					if _, err := find(r.managers[i%2], b); err != nil {
						t.Fatalf("%d seconds after the change, in the midst of use: %v", i+1, err)
					}
				}
				if more := r.store.saves.Load() - saves; more != 0 {
					t.Errorf("the record was written %d times more, want once for the change", more)
				}
				pass(week / 2)
				if _, err := find(r.managers[1], b); err != nil {
					t.Errorf("half a week later: %v", err)
				}
			})
		})
	}
}

// A limit that is lowered holds from the next use on, too; and a refresh in between loses nothing.
func TestLoweredLimitsHoldFromTheNextUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		s := b.logIn(t, r.managers[0], goodFor(time.Hour))
		pass(2 * time.Hour)
		for _, m := range r.managers {
			use(t, m, withLimits(r, 4*time.Second, session.GrantLifetime))
		}
		if token, err := r.managers[0].Token(t.Context(), s, 0); err != nil || token.Access.Reveal() != "access-2" {
			t.Errorf("a refresh of a session that was idle for longer than the new limit: %q, %v", token.Access.Reveal(), err)
		}
		if _, err := find(r.managers[1], b); err != nil {
			t.Fatalf("the next use: %v", err)
		}
		if want := time.Now().Add(4 * time.Second); !mustPeek(t, r.managers[0], b).ExpiresAt().Equal(want) {
			t.Errorf("it expires at %v, want %v", mustPeek(t, r.managers[0], b).ExpiresAt(), want)
		}
		pass(4 * time.Second)
		_, err := find(r.managers[1], b)
		wantError(t, "idle for as long as the new limit", err, session.ErrNoSession)
	})
}

package session_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/internal/outcome"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// refreshReports remembers what was reported of refreshes.
type refreshReports struct {
	mu  sync.Mutex // guards all
	all []string
}

func (r *refreshReports) Refreshed(result outcome.Refresh, took time.Duration, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprint(result, " ", took))
}

// SessionEnded is of no interest to these tests.
func (r *refreshReports) SessionEnded(outcome.End) {}

// expect wants just these reports since the last look.
func (r *refreshReports) expect(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.all, want) {
		t.Errorf("reported %q, want %q", r.all, want)
	}
	r.all = nil
}

// A refresh is reported once, with the time of its call, by what the token endpoint said of it; whoever only waits, or
// comes during a backoff, reports nothing.
func TestReportsOfRefreshes(t *testing.T) {
	for want, answer := range map[string]func(int) (session.Grant, error){
		"ok 2s":                   nil,
		"grant_ended 2s":          failing(fmt.Errorf("400: %w", session.ErrGrantEnded)),
		"client_misconfigured 2s": failing(fmt.Errorf("401: %w", session.ErrClientMisconfigured)),
		"unavailable 2s":          failing(unavailable(time.Minute)),
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tokens, reports, b := &tokenEndpoint{takes: 2 * time.Second, answer: answer}, &refreshReports{}, &browser{}
				m := newManager(t, session.Options{Refresh: tokens.refresh, Metrics: reports})
				b.logIn(t, m, goodFor(-time.Minute))
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() { ask(t.Context(), m, b) })
				}
				wg.Wait()
				reports.expect(t, want)
			})
		})
	}
}

func TestReportOfALostToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, reports, b := &tokenEndpoint{takes: time.Second}, &refreshReports{}, &browser{}
		store := &switchStore{memory: memstore.New(nil)}
		m := newManager(t, session.Options{Store: store, Leases: store, Refresh: tokens.refresh, Metrics: reports})
		s := b.logIn(t, m, goodFor(-time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := m.Token(t.Context(), s, 0); err != nil { // it is good, although it is not written
				t.Error(err)
			}
		})
		pass(500 * time.Millisecond)
		store.down.Store(true)
		wg.Wait()
		reports.expect(t)
		pass(2 * time.Minute)
		reports.expect(t, "lost 1s")
	})
}

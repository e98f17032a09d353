package token

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"stagedoor/secret"
)

// Only so many calls as configured are under way at a time; the others have their turn afterwards.
func TestTokenCallsTakeTurns(t *testing.T) {
	const allowed, calls = 3, 12
	var (
		underWay, most atomic.Int32
		full           = make(chan struct{})
		once           sync.Once
	)
	server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
		now := underWay.Add(1)
		defer underWay.Add(-1)
		for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
		}
		if now == allowed {
			once.Do(func() { close(full) })
		}
		<-full
		answerJSON(http.StatusOK, goodAnswer)(w, r)
	})
	endpoint := server.endpoint(func(c *Config) { c.Concurrency = allowed })
	var group sync.WaitGroup
	for range calls {
		group.Go(func() {
			if _, err := endpoint.Refresh(t.Context(), secret.New("refresh-old")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := most.Load(); got != allowed {
		t.Errorf("%d calls were under way at a time, want %d", got, allowed)
	}
}

// A call whose caller leaves while it waits for its turn never reaches the wire.
func TestTokenCallThatHasNoTurn(t *testing.T) {
	arrived, finish := make(chan struct{}), make(chan struct{})
	var calls atomic.Int32
	server := newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		close(arrived)
		<-finish
		answerJSON(http.StatusOK, goodAnswer)(w, r)
	})
	endpoint := server.endpoint(func(c *Config) { c.Concurrency = 1 })
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := endpoint.Refresh(t.Context(), secret.New("refresh-1")); err != nil {
			t.Error(err)
		}
	})
	<-arrived
	left, leave := context.WithCancel(t.Context())
	leave()
	if _, err := endpoint.Refresh(left, secret.New("refresh-2")); failureOf(err) != unknown {
		t.Errorf("a call without a turn answered %v", err)
	}
	close(finish)
	group.Wait()
	if got := calls.Load(); got != 1 {
		t.Errorf("there were %d calls, want 1", got)
	}
}

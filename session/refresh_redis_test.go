package session_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// What TestOneRefreshForAll shows with a memory has to be true with Redis.
func TestOneRefreshForAllWithRedis(t *testing.T) {
	server := sessiontest.StartRedis(t)
	const requests, replicas = 200, 3
	var calls, waiting atomic.Int64
	all := make(chan struct{}) // closed when every request has asked
	refresh := func(context.Context, secret.Text) (session.Grant, error) {
		calls.Add(1)
		<-all
		return grantNumber(2, time.Hour), nil
	}
	var managers []*session.Manager
	for range replicas {
		store := sessiontest.OpenRedis(t, server.Config())
		managers = append(managers, newManager(t, session.Options{Store: store, Leases: store, Watch: store.Watch, Refresh: refresh}))
	}
	b := &browser{}
	b.logIn(t, managers[0], goodFor(-time.Minute))
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			s, err := managers[i%replicas].Peek(b.request())
			if waiting.Add(1) == requests {
				close(all)
			}
			if err != nil {
				t.Errorf("request %d: %v", i, err)
				return
			}
			token, err := managers[i%replicas].Token(t.Context(), s, 0)
			if err != nil || token.Access.Reveal() != "access-2" {
				t.Errorf("request %d: got %q, %v", i, token.Access.Reveal(), err)
			}
		})
	}
	wg.Wait()
	if calls.Load() != 1 {
		t.Errorf("the token endpoint was called %d times, want once", calls.Load())
	}
}

// A logout on one replica during a refresh on another stays one.
func TestLogoutDuringARefreshWithRedis(t *testing.T) {
	server := sessiontest.StartRedis(t)
	called, goOn := make(chan struct{}), make(chan struct{})
	refresh := func(context.Context, secret.Text) (session.Grant, error) {
		close(called)
		<-goOn
		return grantNumber(2, time.Hour), nil
	}
	store := sessiontest.OpenRedis(t, server.Config())
	here := newManager(t, session.Options{Store: store, Leases: store, Refresh: refresh})
	other := newManager(t, session.Options{Store: sessiontest.OpenRedis(t, server.Config()), Leases: store, Refresh: refresh})
	b := &browser{}
	s := b.logIn(t, here, goodFor(-time.Minute))
	key := b.key()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := here.Token(t.Context(), s, 0)
		wantError(t, "the refresh", err, session.ErrNoSession)
	})
	<-called
	if err := b.logOut(other); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	wg.Wait()
	_, err := store.Load(t.Context(), key)
	wantError(t, "the record", err, session.ErrAbsent)
}

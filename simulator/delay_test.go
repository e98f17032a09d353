package simulator_test

import (
	"context"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/simulator"
)

// TestDelays runs in a bubble, so that two seconds are exactly two seconds and nobody waits for them.
func TestDelays(t *testing.T) {
	for name, c := range map[string]struct{ delayed, meanwhile int }{
		"token-slow": {delayed: 400, meanwhile: 200}, "token-slow-after": {delayed: 200, meanwhile: 400},
	} {
		for _, leaves := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newBubble(t)
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				s.plant(name)
				began := time.Now()
				done := make(chan int)
				go func() { done <- s.refresh(ctx) }()
				synctest.Wait() // the first call waits: before or after it has spent the token
				if leaves && name == "token-slow" {
					leave()
				}
				if got := s.refresh(t.Context()); got != c.meanwhile {
					t.Errorf("%s: a call meanwhile got %d, want %d", name, got, c.meanwhile)
				}
				if got, took := <-done, time.Since(began); got != c.delayed || took != 2*time.Second {
					t.Errorf("%s: the delayed call got %d after %v, want %d after 2s", name, got, took, c.delayed)
				}
			})
		}
	}
}

func TestDelaysEndWithTheFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newBubble(t)
		s.plant("token-slow-after")
		began := time.Now()
		done := make(chan int)
		go func() { done <- s.refresh(t.Context()) }()
		synctest.Wait()
		s.ClearFaults()
		if got, took := <-done, time.Since(began); got != 200 || took != 0 {
			t.Errorf("the call got %d after %v", got, took)
		}
	})
}

// bubble is a simulator without a network, which a synctest bubble cannot have, and one refresh token.
type bubble struct {
	*simulator.Server
	t     *testing.T
	token string
}

func newBubble(t *testing.T) *bubble {
	t.Helper()
	s, err := simulator.New(simulator.Options{Clients: []simulator.Client{{ID: "gateway", Secret: "s3cret"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	tokens, err := s.Authorize("gateway", "ada")
	if err != nil {
		t.Fatal(err)
	}
	return &bubble{Server: s, t: t, token: *tokens.RefreshToken}
}

// plant puts a preset into force for one call.
func (b *bubble) plant(name string) {
	b.t.Helper()
	f, err := simulator.Preset(name)
	if err != nil {
		b.t.Fatal(err)
	}
	f.Times = 1
	if _, err := b.AddFault(f); err != nil {
		b.t.Fatal(err)
	}
}

// refresh returns the status of a call with the one refresh token.
func (b *bubble) refresh(ctx context.Context) int {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {b.token}}
	r := httptest.NewRequestWithContext(ctx, "POST", "/api/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", basic("gateway", "s3cret"))
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Code
}

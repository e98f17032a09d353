package token

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"stagedoor/secret"
	"stagedoor/session"
)

const (
	// waitForSlot bounds how long a refresh, or a call for the app's own token, waits for the calls before it.
	waitForSlot = 20 * time.Second
	// LoginWait bounds how long a login waits for those before it. Nothing of it has been used up yet, so that the
	// same callback is as good a moment later.
	LoginWait = 2 * time.Second
	// loginShare is the part of the slots that logins may hold: one in so many, and at least one.
	loginShare = 4
)

// errLoginsBusy says that as many logins as allowed are calling Spotify already.
var errLoginsBusy = errors.New("the logins before this one take too long; see spotify.token_concurrency")

// slots bound the calls of the token endpoint that are under way. Any client can cause the calls of a login, so logins hold
// at most a share of the slots: a refresh never waits for more logins than those.
type slots struct {
	calls  *semaphore.Weighted // one for each call
	logins *semaphore.Weighted // one for each login, which holds one of calls as well while it redeems its code
}

func newSlots(concurrency int) slots {
	return slots{
		calls:  semaphore.NewWeighted(int64(concurrency)),
		logins: semaphore.NewWeighted(int64(max(1, concurrency/loginShare))),
	}
}

// LoginSlot lets one login call Spotify. It is for one goroutine.
type LoginSlot struct {
	client      *Client
	releaseCall func()
	release     func()
}

// AcquireLogin waits a short while for the slot of a login, before the login uses anything up. Its error is transient.
// Release the slot when the login has ended.
func (c *Client) AcquireLogin(ctx context.Context) (*LoginSlot, error) {
	ctx, cancel := context.WithTimeout(ctx, LoginWait)
	defer cancel()
	if err := c.slots.logins.Acquire(ctx, 1); err != nil {
		return nil, errLoginsBusy
	}
	if err := c.slots.calls.Acquire(ctx, 1); err != nil {
		c.slots.logins.Release(1)
		return nil, errLoginsBusy
	}
	releaseCall := sync.OnceFunc(func() { c.slots.calls.Release(1) })
	return &LoginSlot{client: c, releaseCall: releaseCall, release: sync.OnceFunc(func() {
		releaseCall()
		c.slots.logins.Release(1)
	})}, nil
}

// Release returns the slot. Only the first call has an effect.
func (s *LoginSlot) Release() { s.release() }

// Exchange redeems an authorization code; see Client. It is the slot's only call of the token endpoint, after which other
// calls may use its part of the slots for calls.
func (s *LoginSlot) Exchange(ctx context.Context, code, verifier secret.Text, asked []string) (session.Grant, error) {
	defer s.releaseCall()
	return s.client.exchange(ctx, code, verifier, asked)
}

package fault

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"stagedoor/e2e/stage"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// clocksDiffer lets two session managers of one process share a Redis, one of them with a wrong clock.
func clocksDiffer(r *trial) {
	const lifetime, span, stepping = time.Hour, 6 * time.Hour, time.Minute
	w := stage.NewWorld(r, stage.Options{Replicas: 1})
	r.loaded("two managers in one process over one Redis, one clock 5 min off; 6 h in steps of 1 min, each asks every minute; tokens live 1 h")
	for _, skew := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute} {
		calls := refreshesWithSkew(w, r, lifetime, span, stepping, skew)
		ideal := int(span / (lifetime - time.Minute))
		r.expect("at most one extra refresh, no storm", calls <= ideal+1, "%d refreshes, without a skew %d", calls, ideal)
		r.measure("skew %v: %d refreshes", skew, calls)
	}
}

// refreshesWithSkew returns how often two managers refresh one session within a span of a clock that the test sets.
func refreshesWithSkew(w *stage.World, r *trial, lifetime, span, stepping, skew time.Duration) int {
	r.Helper()
	begin := time.Now()
	var passed, calls atomic.Int64
	clock := func(skew time.Duration) func() time.Time {
		return func() time.Time { return begin.Add(time.Duration(passed.Load()) + skew) }
	}
	managers := []*session.Manager{
		manager(w, r, clock(0), lifetime, &calls), manager(w, r, clock(skew), lifetime, &calls),
	}
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if _, err := managers[0].Create(answer, request, session.Login{
		User: session.User{ID: "ada"}, AuthorizedAt: begin,
		Grant: session.Grant{
			Token:   session.Token{Access: secret.New("access-0"), Expiry: begin.Add(lifetime)},
			Refresh: secret.New("refresh"),
		},
	}); err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Cookie", answer.Result().Cookies()[0].String())
	for time.Duration(passed.Load()) < span {
		for _, m := range managers {
			s, err := m.Find(request)
			if err != nil {
				r.Fatal(err)
			}
			if _, err := m.Token(r.Context(), s, 0); err != nil {
				r.Fatal(err)
			}
		}
		passed.Add(int64(stepping))
	}
	return int(calls.Load())
}

func manager(w *stage.World, r *trial, now func() time.Time, lifetime time.Duration, calls *atomic.Int64) *session.Manager {
	r.Helper()
	redis, err := redisstore.New(w.Redis.Config(), zap.NewNop())
	if err != nil {
		r.Fatal(err)
	}
	config := session.DefaultConfig()
	config.Keys = []secret.Text{w.Key}
	m, err := session.NewManager(session.Options{
		Config: config, Store: redis, Leases: redis, Lists: redis, Bulk: redis, Watch: redis.Watch, Log: zap.NewNop(), Now: now,
		Refresh: func(context.Context, secret.Text) (session.Grant, error) {
			n := calls.Add(1)
			access := secret.New(fmt.Sprint("access-", n))
			return session.Grant{Token: session.Token{Access: access, Expiry: now().Add(lifetime)}}, nil
		},
	})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		m.Close()
		_ = redis.Close() // the test is over
	})
	return m
}

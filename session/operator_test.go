package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/sessiontest"
)

// All sessions are ended by their records, whatever became of the indexes, and those of another client id's users are seen
// by nobody else.
func TestEndAllWithoutAnyIndex(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	m := newManager(t, session.Options{Store: store, Leases: store})
	var all []*browser
	for i := range 20 {
		b := &browser{}
		b.logInAs(t, m, fmt.Sprint("user", i), typicalUserAgent)
		all = append(all, b)
	}
	const spoil = `for i, key in ipairs(redis.call('KEYS', '*{index:*')) do
	redis.call('DEL', key)
	if i % 2 == 0 then redis.call('HSET', key, 'a', 'b', string.rep('x', 32), 'c') end
	if i % 3 == 0 then redis.call('DEL', key) redis.call('SET', key, 'junk') end
end`
	if _, err := server.Do("EVAL", spoil, "0"); err != nil {
		t.Fatal(err)
	}
	if count, err := m.Operator().EndAll(t.Context()); count != len(all) || err != nil {
		t.Errorf("%d sessions ended, %v; want %d", count, err, len(all))
	}
	wantEnded(t, newManager(t, session.Options{Store: store, Leases: store}), all...)
	server.Stop()
	if _, err := m.Operator().EndAll(t.Context()); err == nil {
		t.Error("without the store all sessions are said to have ended")
	}
}

func TestEndHandle(t *testing.T) {
	m, laptop, phone := newManager(t, session.Options{}), &browser{}, &browser{}
	lost, kept := laptop.logIn(t, m, goodFor(time.Hour)), phone.logIn(t, m, goodFor(time.Hour))
	for handle, want := range map[string]int{"": 0, "*": 0, kept.Handle()[:15]: 0, kept.Handle() + "0": 0, strings.Repeat("0", 16): 0, lost.Handle(): 1} {
		if count, err := m.Operator().EndHandle(t.Context(), handle); count != want || err != nil {
			t.Errorf("%q ended %d sessions, %v", handle, count, err)
		}
	}
	wantEnded(t, m, laptop)
	mustPeek(t, m, phone)
}

// Every list and every end fails when the store does.
func TestListsFailWithTheStore(t *testing.T) {
	r, b := newReplicas(t, 1), &browser{}
	s, m := b.logIn(t, r.managers[0], goodFor(time.Hour)), r.managers[0]
	r.store.away.Store(true)
	_, listErr := m.Sessions(t.Context(), "ada")
	_, userErr := m.Operator().EndUser(t.Context(), "ada")
	_, allErr := m.Operator().EndAll(t.Context())
	_, handleErr := m.Operator().EndHandle(t.Context(), s.Handle())
	for name, err := range map[string]error{
		"the list": listErr, "a user's end": userErr, "the end of all": allErr, "the end of a handle": handleErr,
		"the end of one":  m.EndSession(t.Context(), "ada", s.Handle()),
		"the list of all": m.Operator().Each(t.Context(), func([]session.Summary) error { return nil }),
		"the logout":      m.End(newAnswer(), b.request(), false),
		"everywhere":      m.End(newAnswer(), b.request(), true),
	} {
		wantError(t, name, err, session.ErrStoreUnavailable)
	}
	r.store.away.Store(false)
	mustPeek(t, m, b)
}

// The list of everybody has each session once.
func TestEachSession(t *testing.T) {
	m := newManager(t, session.Options{})
	for i := range 30 {
		new(browser).logInAs(t, m, fmt.Sprint("user", i/2), typicalUserAgent)
	}
	seen := map[string]int{}
	if err := m.Operator().Each(t.Context(), func(list []session.Summary) error {
		for _, s := range list {
			seen[s.User.ID]++
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range 15 {
		if seen[fmt.Sprint("user", i)] != 2 {
			t.Errorf("the lists have %v", seen)
		}
	}
}

// remaining returns the record keys of all sessions in a store.
func remaining(t *testing.T, store session.Bulk) []string {
	t.Helper()
	var keys []string
	if err := store.Scan(context.WithoutCancel(t.Context()), "session:", func(some []string) error {
		keys = append(keys, some...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

package session_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
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
	r.store.down.Store(true)
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
	r.store.down.Store(false)
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

// scanless is a store that fails every scan, as one would that is too large to be read.
type scanless struct{ *memstore.Store }

func (scanless) Scan(context.Context, string, func([]string) error) error {
	return errors.New("this store is not scanned")
}

// An account id and a handle lead to their sessions without a scan of the store, while they live and when they have ended.
func TestNamesNeedNoScan(t *testing.T) {
	memory := memstore.New(nil)
	o := session.Options{Store: scanless{memory}, Leases: memory, Lists: memory, Bulk: scanless{memory}, Client: "client"}
	m := newManager(t, o)
	operator := m.Operator()
	first, second, third := &browser{}, &browser{}, &browser{} // each is "ada" with the account id "acc-1"
	ended, living, last := first.logIn(t, m, goodFor(time.Hour)), second.logIn(t, m, goodFor(time.Hour)), third.logIn(t, m, goodFor(time.Hour))
	for _, id := range []string{"ada", "acc-1"} {
		if ids, err := operator.UsersNamed(t.Context(), id); err != nil || !slices.Equal(ids, []string{"ada"}) {
			t.Errorf("%s means %q, %v", id, ids, err)
		}
	}
	if count, err := operator.EndHandle(t.Context(), ended.Handle()); count != 1 || err != nil {
		t.Errorf("%d sessions ended, %v", count, err)
	}
	wantEnded(t, m, first)
	for handle, alive := range map[string]bool{ended.Handle(): false, living.Handle(): true} {
		x, found, err := operator.ExplainHandle(t.Context(), handle)
		if !found || err != nil || x.Alive != alive || x.User.ID != "ada" {
			t.Errorf("%s is explained as %+v, %v, %v", handle, x, found, err)
		}
	}
	o.Client = "another"
	other := newManager(t, o).Operator()
	if ids, err := other.UsersNamed(t.Context(), "acc-1"); err == nil {
		t.Errorf("to another client id acc-1 means %q without a scan", ids)
	}
	if count, err := other.EndHandle(t.Context(), last.Handle()); count != 0 || err == nil {
		t.Errorf("another client id has ended %d sessions without a scan, %v", count, err)
	}
	mustPeek(t, m, third)
}

// Sessions of an earlier version, which no name leads to, are found all the same.
func TestNothingIsMissedWithoutNames(t *testing.T) {
	memory := memstore.New(nil)
	m := newManager(t, session.Options{Store: memory, Leases: memory})
	b := &browser{}
	s := b.logIn(t, m, goodFor(time.Hour))
	forgetNames := func() (count int) {
		t.Helper()
		if err := memory.Scan(t.Context(), "name:", func(keys []string) error {
			count += len(keys)
			_, err := memory.DeleteMany(t.Context(), keys)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return count
	}
	if count := forgetNames(); count != 2 {
		t.Fatalf("there were %d lists of names, want one for the account id and one for the handle", count)
	}
	if ids, err := m.Operator().UsersNamed(t.Context(), "acc-1"); err != nil || !slices.Equal(ids, []string{"ada"}) {
		t.Errorf("acc-1 means %q, %v", ids, err)
	}
	if x, found, err := m.Operator().ExplainHandle(t.Context(), s.Handle()); !found || err != nil || x.User.ID != "ada" {
		t.Errorf("explained as %+v, %v, %v", x, found, err)
	}
	if count, err := m.Operator().EndHandle(t.Context(), s.Handle()); count != 1 || err != nil {
		t.Errorf("%d sessions ended, %v", count, err)
	}
	wantEnded(t, m, b)
}

package session_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

// finish comes back to the callback with a state.
func (b *browser) finish(m *session.Manager, state string) ([]byte, error) {
	return m.FinishAttempt(b.request(), state)
}

// mustBegin is begin for a store that answers.
func (b *browser) mustBegin(t *testing.T, m *session.Manager, note string) string {
	t.Helper()
	state, err := b.begin(m, []byte(note))
	if err != nil {
		t.Fatalf("begin a login: %v", err)
	}
	return state.Reveal()
}

func TestAttemptWorksOnce(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "note")
	if note, err := b.finish(m, state); string(note) != "note" || err != nil {
		t.Fatalf("got %q, %v", note, err)
	}
	note, err := b.finish(m, state)
	wantError(t, "the second time", err, session.ErrNoAttempt)
	if note != nil {
		t.Errorf("the second time gives %q", note)
	}
}

// slowStore takes a second to load, so that many have loaded before the first deletes.
type slowStore struct{ session.Store }

func (s slowStore) Load(ctx context.Context, key string) (session.Entry, error) {
	e, err := s.Store.Load(ctx, key)
	pass(time.Second)
	return e, err
}

func TestAttemptWorksOnceAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := session.NewMemory(nil)
		m, b := newManager(t, session.Options{Store: slowStore{memory}, Leases: memory}), &browser{}
		state := b.mustBegin(t, m, "note")
		var finished atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				note, err := b.finish(m, state)
				if err == nil && string(note) == "note" {
					finished.Add(1)
				} else {
					wantError(t, "one of those that lost", err, session.ErrNoAttempt)
				}
			})
		}
		wg.Wait()
		if finished.Load() != 1 {
			t.Errorf("%d callbacks got the note, want 1", finished.Load())
		}
	})
}

// A state that somebody else got hold of is worth nothing in his browser, and his try does not spoil it.
func TestAttemptBelongsToItsBrowser(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "note")
	other := &browser{}
	otherState := other.mustBegin(t, m, "another note")
	for name, thief := range map[string]*browser{"with a login of its own": other, "without cookies": {}} {
		_, err := thief.finish(m, state)
		wantError(t, "another browser "+name, err, session.ErrNoAttempt)
	}
	if note, err := b.finish(m, state); string(note) != "note" || err != nil {
		t.Errorf("afterwards in its own: got %q, %v", note, err)
	}
	if note, err := other.finish(m, otherState); string(note) != "another note" || err != nil {
		t.Errorf("the other's own: got %q, %v", note, err)
	}
}

func TestAttemptsInSeveralTabs(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	var states []string
	for _, note := range []string{"a", "b", "c"} {
		states = append(states, b.mustBegin(t, m, note))
	}
	for _, i := range []int{1, 2, 0} {
		want := string(rune('a' + i))
		if note, err := b.finish(m, states[i]); string(note) != want || err != nil {
			t.Errorf("tab %d: got %q, %v, want %q", i, note, err, want)
		}
	}
}

func TestAttemptEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := newManager(t, session.Options{}), &browser{}
		early, late := b.mustBegin(t, m, "early"), b.mustBegin(t, m, "late")
		pass(session.AttemptLifetime - time.Millisecond)
		if _, err := b.finish(m, early); err != nil {
			t.Errorf("just before its end: %v", err)
		}
		pass(time.Millisecond)
		_, err := b.finish(m, late)
		wantError(t, "after ten minutes", err, session.ErrNoAttempt)
	})
}

func TestAttemptRefusesWhatIsNoState(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "note")
	for _, text := range []string{
		"", "state", state + "=", state[:42], strings.ToLower(state), " " + state, b.cookies["stagedoor-login"],
	} {
		if text == state {
			continue // all its letters happened to be small
		}
		_, err := b.finish(m, text)
		wantError(t, text, err, session.ErrNoAttempt)
	}
	if _, err := b.finish(m, state); err != nil {
		t.Errorf("afterwards with the state: %v", err)
	}
}

// A login cookie that a sibling domain has planted beside the browser's own makes both worthless.
func TestAttemptRefusesTwoCookies(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "note")
	other := &browser{}
	other.mustBegin(t, m, "another note")
	r := b.request()
	r.AddCookie(&http.Cookie{Name: "stagedoor-login", Value: other.cookies["stagedoor-login"]})
	_, err := m.FinishAttempt(r, state)
	wantError(t, "with two login cookies", err, session.ErrNoAttempt)
}

func TestAttemptStoreUnavailable(t *testing.T) {
	store := &switchStore{memory: session.NewMemory(nil)}
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	state := b.mustBegin(t, m, "note")
	store.away.Store(true)
	_, err := b.finish(m, state)
	wantError(t, "finishing", err, session.ErrStoreUnavailable)
	w := httptest.NewRecorder()
	if _, err := m.BeginAttempt(w, b.request(), nil); err == nil || len(w.Result().Cookies()) > 0 {
		t.Errorf("beginning: got %v with the cookies %v", err, w.Result().Cookies())
	}
	store.away.Store(false)
	if _, err := b.finish(m, state); err != nil {
		t.Errorf("the login goes on after the outage: %v", err)
	}
}

func TestAttemptNoteIsSealed(t *testing.T) {
	store := session.NewMemory(nil)
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	state := b.mustBegin(t, m, "the verifier")
	e, err := store.Load(t.Context(), "login:"+sha256Hex(state))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(e.Data, []byte("verifier")) {
		t.Errorf("the store can read the note: %q", e.Data)
	}
}

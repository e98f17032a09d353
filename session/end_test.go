package session_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/session"
)

func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		still := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
		if err := b.logOut(r.managers[1]); err != nil {
			t.Fatal(err)
		}
		if _, found := b.cookies["stagedoor"]; found {
			t.Error("the browser keeps its cookie")
		}
		for _, m := range r.managers {
			_, err := find(m, still)
			wantError(t, "the session", err, session.ErrNoSession)
		}
		for name, again := range map[string]*browser{"twice": still, "without a session": {}} {
			if err := again.logOut(r.managers[0]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := r.audited("logout", "ok"); got != 1 {
			t.Errorf("%d audit lines for the logout, want 1", got)
		}
	})
}

// A session whose grant has ended can be left, too.
func TestEndOfAnEndedGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 1), &browser{}
		r.tokens.answer = failing(session.ErrGrantEnded)
		b.logIn(t, r.managers[0], goodFor(-time.Minute))
		wantError(t, "the refresh", ask(t.Context(), r.managers[0], b).err, session.ErrReauthorize)
		key := b.key()
		if err := b.logOut(r.managers[0]); err != nil {
			t.Fatal(err)
		}
		_, err := r.store.Load(t.Context(), key)
		wantError(t, "the record", err, session.ErrAbsent)
	})
}

// Of two session cookies one may be planted: neither is believed. But a logout that spared either would be a false success.
func TestTwoCookiesAreNone(t *testing.T) {
	m, b, other := newManager(t, session.Options{}), &browser{}, &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	other.logIn(t, m, goodFor(time.Hour))
	r := b.request()
	r.AddCookie(&http.Cookie{Name: "stagedoor", Value: other.cookies["stagedoor"]})
	_, err := m.Find(r)
	wantError(t, "with two cookies", err, session.ErrNoSession)
	if label := m.Label(r); label != "" {
		t.Errorf("the request has the label %q", label)
	}
	if err := m.End(newAnswer(), r, false); err != nil {
		t.Errorf("the logout: %v", err)
	}
	for _, who := range []*browser{b, other} {
		_, err := m.Peek(who.request())
		wantError(t, "after the logout", err, session.ErrNoSession)
	}
}

// Whoever logs out everywhere with a planted cookie beside the true one is not told a false success either.
func TestTwoCookiesEndEverywhere(t *testing.T) {
	for _, plantedFirst := range []bool{false, true} {
		r, laptop, phone, planted := newReplicas(t, 1), &browser{}, &browser{}, &browser{}
		for _, b := range []*browser{laptop, phone, planted} {
			b.logIn(t, r.managers[0], goodFor(time.Hour))
		}
		named := []*browser{laptop, planted}
		if plantedFirst {
			slices.Reverse(named)
		}
		request := (&browser{}).request()
		for _, b := range named {
			request.AddCookie(&http.Cookie{Name: "stagedoor", Value: b.cookies["stagedoor"]})
		}
		if err := r.managers[0].End(newAnswer(), request, true); err != nil {
			t.Fatal(err)
		}
		for _, b := range []*browser{laptop, phone, planted} {
			_, err := peek(r.managers[0], b)
			wantError(t, "afterwards", err, session.ErrNoSession)
		}
		if ended := r.audited("logout", "ok") + r.audited("revoke", "ok"); ended != 3 {
			t.Errorf("%d audit lines, want one for each session", ended)
		}
	}
}

func TestCookieNames(t *testing.T) {
	for _, c := range []struct {
		secure bool
		want   []string
	}{
		{false, []string{"stagedoor", "stagedoor-login", "stagedoor-login-*"}},
		{true, []string{"__Host-Http-stagedoor", "__Host-Http-stagedoor-login", "__Host-Http-stagedoor-login-*"}},
	} {
		m := newManager(t, session.Options{Secure: c.secure})
		if got := m.CookieNames(); !slices.Equal(got, c.want) {
			t.Errorf("secure is %v: got %q, want %q", c.secure, got, c.want)
		}
	}
}

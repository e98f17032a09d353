package session_test

import (
	"encoding/base64"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
	"stagedoor/session/sessiontest"
)

// logInAs begins a session for a user with a User-Agent.
func (b *browser) logInAs(t *testing.T, m *session.Manager, user, userAgent string) *session.Session {
	t.Helper()
	r := b.request()
	r.Header.Set("User-Agent", userAgent)
	w := httptest.NewRecorder()
	s, err := m.Create(w, r, session.Login{User: session.User{ID: user, DisplayName: user}, Grant: goodFor(time.Hour), AuthorizedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	b.receive(w)
	return s
}

// copy is a browser with the same cookies.
func (b *browser) copy() *browser {
	return &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
}

// wantEnded wants none of the browsers to have a session.
func wantEnded(t *testing.T, m *session.Manager, browsers ...*browser) {
	t.Helper()
	for i, b := range browsers {
		if _, err := m.Peek(b.request()); err == nil {
			t.Fatalf("session %d of %d lives", i, len(browsers))
		}
	}
}

// Logging out everywhere ends every session, however many there are and whatever their browsers say of themselves.
func TestEndEverywhereOfMany(t *testing.T) {
	for name, userAgent := range map[string]string{
		"ordinary": typicalUserAgent, "hostile": strings.Repeat("<", 120), "long": strings.Repeat("☃", 5000),
	} {
		synctest.Test(t, func(t *testing.T) {
			m := newReplicas(t, 1, func(c *session.Config) { c.MaxPerUser = 1000 }).managers[0]
			var all []*browser
			for range 300 {
				b := &browser{}
				b.logInAs(t, m, "ada", userAgent)
				all = append(all, b)
			}
			if list := mustList(t, m, "ada"); len(list) != len(all) {
				t.Errorf("%s: %d sessions are listed", name, len(list))
			}
			if err := m.End(newAnswer(), all[0].copy().request(), true); err != nil {
				t.Fatal(err)
			}
			wantEnded(t, m, all...)
		})
	}
}

// A browser that logs in again and again takes no more room than once, and does not push out the user's other sessions.
func TestReplacedSessionsLeaveTheIndex(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	config := testConfig()
	config.MaxPerUser = 3
	m, phone, b := newManager(t, session.Options{Config: config, Store: store, Leases: store}), &browser{}, &browser{}
	phone.logIn(t, m, goodFor(time.Hour))
	for range 20 {
		b.logIn(t, m, goodFor(time.Hour))
	}
	mustPeek(t, m, phone)
	if list := mustList(t, m, "ada"); len(list) != 2 {
		t.Errorf("%d sessions are listed, want 2", len(list))
	}
	if used := indexBytes(t, server); used > 600 {
		t.Errorf("the index of two sessions takes %d bytes", used)
	}
	if err := b.logOut(m); err != nil {
		t.Fatal(err)
	}
	if err := phone.logOut(m); err != nil {
		t.Fatal(err)
	}
}

// indexBytes returns how much memory the one index takes in Redis.
func indexBytes(t *testing.T, server *sessiontest.RedisServer) int64 {
	t.Helper()
	keys, err := server.Do("KEYS", "*{index:*")
	if err != nil || len(keys.([]any)) != 1 {
		t.Fatalf("the indexes are %v, %v", keys, err)
	}
	used, err := server.Do("MEMORY", "USAGE", keys.([]any)[0].(string))
	if err != nil {
		t.Fatal(err)
	}
	return used.(int64)
}

// TestIndexIsSmall measures an ordinary user's index: with one session, and what each more takes.
func TestIndexIsSmall(t *testing.T) {
	for _, c := range []struct {
		name, userAgent string
		one, more       int64 // at most, in bytes
	}{
		{"a usual browser", typicalUserAgent, 330, 150},
		{"an unknown one", "Go-http-client/1.1", 350, 150},
		{"one with a long name", "Player/7.1 (living room; 4f0c6f9be1; x1) Engine/83.22-b7 (qK2v; 91d2e07c) Frames/60.0.1 Sound/5.1 (HDMI 2; 8c1f)", 480, 300},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := sessiontest.StartRedis(t)
			store := sessiontest.OpenRedis(t, server.Config())
			m := newManager(t, session.Options{Store: store, Leases: store, Client: "client-1"})
			const user = "31a4cwq5yc4vz2uvxfjnm3cdkuey"
			login := func() { new(browser).logInAs(t, m, user, c.userAgent) }
			login()
			one := indexBytes(t, server)
			for range 9 {
				login()
			}
			more := (indexBytes(t, server) - one) / 9
			t.Logf("%d bytes for one session, %d for each more", one, more)
			if one > c.one || more > c.more {
				t.Errorf("%d bytes for one session, %d for each more; want %d and %d at most", one, more, c.one, c.more)
			}
			list, err := m.Sessions(t.Context(), user)
			if err != nil || len(list) != 10 {
				t.Fatalf("%d sessions are listed, %v", len(list), err)
			}
			for _, s := range list {
				if s.UserAgent != c.userAgent {
					t.Errorf("a session is listed with the browser %q", s.UserAgent)
				}
			}
		})
	}
}

// A new key that reaches one replica later costs no list: what does not open is listed, ended, and never written over.
func TestIndexDuringAKeyRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, tokens, oldKey, newKey := memstore.New(nil), &tokenEndpoint{}, session.NewKey(), session.NewKey()
		late, early := withKeys(t, store, tokens, oldKey), withKeys(t, store, tokens, newKey, oldKey)
		var all []*browser
		for i := range 6 {
			b := &browser{}
			b.logInAs(t, []*session.Manager{late, early}[i%2], "ada", typicalUserAgent)
			all = append(all, b)
			pass(time.Second)
		}
		for m, opens := range map[*session.Manager]int{late: 3, early: 6} {
			list, opened := mustList(t, m, "ada"), 0
			for _, s := range list {
				if s.UserAgent != "" {
					opened++
				}
				if s.CreatedAt.IsZero() || s.LastSeenAt.IsZero() || s.User.ID != "ada" {
					t.Errorf("a session is listed as %+v", s)
				}
			}
			if len(list) != len(all) || opened != opens {
				t.Errorf("%d sessions are listed and %d open, want %d and %d", len(list), opened, len(all), opens)
			}
		}
		// Its own record does not open there, so nobody can tell whose it is: that is no success.
		w := httptest.NewRecorder()
		wantError(t, "everywhere, with a cookie that does not open here",
			late.End(w, all[1].request(), true), session.ErrStoreUnavailable)
		if len(w.Result().Cookies()) != 0 {
			t.Error("the cookie was taken away")
		}
		if err := late.End(newAnswer(), all[0].copy().request(), true); err != nil {
			t.Fatal(err)
		}
		wantEnded(t, early, all...)
	})
}

// earlierIndexOfAda is what a version until 2026-11 wrote for ada, under testKey: sessions of the ids "laptop" and "phone".
const earlierIndexOfAda = "Aau0WSjHNUYrq+8qTauK5YMQCYPZL0clQle9d1JdOcvrIxR1tlyVqIF0R84R0hsrHUVHkCJl7CdElnvaTQm0+WW3qDFpMI4JdeQs8KkgBs9JVWDT/F93" +
	"kOh+8oDDj7rk2LiEg4831xAQQICJkOOvrLjkryIf9/pAbf0FbCMlmCgM8aGWTUc4aUNtDamV/ZsOOupztdSsMyFOBecHbOnxUfgSMVB6rMLfkql+FzGh" +
	"az0l2t/w5WMRs2kSA+K69kZW6X/YMUDH43S8XlrLirNwHrwz+Zp5oX0svB35mQ=="

// Sessions that only the index of an earlier version has are listed and ended, and when that does not open nobody is told
// that all sessions are known.
func TestEarlierIndex(t *testing.T) {
	store := memstore.New(nil)
	sealed, err := base64.StdEncoding.DecodeString(earlierIndexOfAda)
	if err != nil {
		t.Fatal(err)
	}
	for key, data := range map[string][]byte{
		"user:" + sha256Hex("ada"): sealed, "session:" + sha256Hex("laptop"): []byte("sealed"), "session:" + sha256Hex("phone"): []byte("sealed"),
	} {
		if err := store.Save(t.Context(), key, session.Entry{Version: 1, Data: data}, time.Hour, ""); err != nil {
			t.Fatal(err)
		}
	}
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	config := testConfig()
	config.Keys = []secret.Text{session.NewKey()}
	stranger, other := newManager(t, session.Options{Config: config, Store: store, Leases: store}), &browser{}
	other.logIn(t, stranger, goodFor(time.Hour))
	if list := mustList(t, m, "ada"); len(list) != 4 || list[3].UserAgent != "Firefox on the phone" && list[3].UserAgent != "Firefox on the laptop" {
		t.Fatalf("the list is %+v", list)
	}
	all := 0
	if err := m.Operator().Each(t.Context(), func(list []session.Summary) error {
		all += len(list)
		return nil
	}); all != 4 || err != nil {
		t.Errorf("the list of all has %d sessions, %v", all, err)
	}
	_, listErr := stranger.Sessions(t.Context(), "ada")
	wantError(t, "the list, without the key", listErr, session.ErrStoreUnavailable)
	wantError(t, "everywhere, without the key", stranger.End(newAnswer(), other.request(), true), session.ErrStoreUnavailable)
	wantError(t, "the list of all, without the key",
		stranger.Operator().Each(t.Context(), func([]session.Summary) error { return nil }), session.ErrStoreUnavailable)
	if err := m.End(newAnswer(), b.copy().request(), true); err != nil {
		t.Fatal(err)
	}
	if left := remaining(t, store); len(left) > 0 {
		t.Errorf("there are still %q", left)
	}
}

// Gateways with different client ids may share a store: a user of both has a list of sessions in each.
func TestListsOfTwoClientIDs(t *testing.T) {
	store := memstore.New(nil)
	managers := map[string]*session.Manager{}
	for _, client := range []string{"", "one", "another"} {
		managers[client] = newManager(t, session.Options{Store: store, Leases: store, Client: client})
		for range len(managers) { // one more session for each
			(&browser{}).logIn(t, managers[client], goodFor(time.Hour))
		}
	}
	lists := map[string]bool{}
	err := store.Scan(t.Context(), "index:", func(keys []string) error {
		for _, key := range keys {
			lists[key] = true
		}
		return nil
	})
	if err != nil || len(lists) != len(managers) {
		t.Errorf("%d client ids have the lists %v, %v", len(managers), lists, err)
	}
	want := map[string]int{"": 1, "one": 2, "another": 3}
	for client, m := range managers {
		if list, err := m.Sessions(t.Context(), "ada"); err != nil || len(list) != want[client] {
			t.Errorf("client id %q lists %d sessions, want %d (%v)", client, len(list), want[client], err)
		}
	}
	if ended, err := managers["one"].Operator().EndUser(t.Context(), "ada"); err != nil || ended != 2 {
		t.Errorf("one client id has ended %d sessions, %v", ended, err)
	}
	if list, err := managers["another"].Sessions(t.Context(), "ada"); err != nil || len(list) != 3 {
		t.Errorf("then the other one lists %d sessions, %v", len(list), err)
	}
}

package session_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
	"stagedoor/session/sessiontest"
)

// purpose is what the tests' logins are for.
const purpose = "client-1 authorization_code http://127.0.0.1:8080"

// finish comes back to the callback with a state and uses it up.
func (b *browser) finish(m *session.Manager, state string) ([]byte, error) {
	return finish(m, b.request(), state)
}

func finish(m *session.Manager, r *http.Request, state string) ([]byte, error) {
	login, err := m.OpenLogin(r, purpose, state)
	if err != nil {
		return nil, err
	}
	if err := m.SpendLogin(r.Context(), login); err != nil {
		return nil, err
	}
	return login.Text, nil
}

// begin begins a login and returns its state.
func (b *browser) begin(m *session.Manager, text string) (secret.Text, error) {
	w := httptest.NewRecorder()
	state, err := m.BeginLogin(w, b.request(), purpose, []byte(text))
	b.receive(w)
	return state, err
}

// mustBegin is begin for a login state that is good.
func (b *browser) mustBegin(t testing.TB, m *session.Manager, text string) string {
	t.Helper()
	state, err := b.begin(m, text)
	if err != nil {
		t.Fatalf("begin a login: %v", err)
	}
	return state.Reveal()
}

// loginCookie is the name of the cookie of a state.
func loginCookie(state string) string { return "stagedoor-login-" + sha256Hex(state)[:16] }

// loginCookies are the names of the login cookies that the browser has.
func (b *browser) loginCookies() []string {
	names := slices.Collect(maps.Keys(b.cookies))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "stagedoor-login-") })
}

func TestLoginStateWorksOnce(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "text")
	if text, err := b.finish(m, state); string(text) != "text" || err != nil {
		t.Fatalf("got %q, %v", text, err)
	}
	text, err := b.finish(m, state)
	wantError(t, "the second time", err, session.ErrLoginSpent)
	if text != nil {
		t.Errorf("the second time gives %q", text)
	}
	if again, err := m.OpenLogin(b.request(), purpose, state); string(again.Text) != "text" || err != nil {
		t.Errorf("what it was for is known afterwards, too: got %q, %v", again.Text, err)
	}
}

// Many callbacks on several replicas at once, all of which have opened the login state before the first uses it up.
func TestLoginStateWorksOnceAmongMany(t *testing.T) {
	stores := map[string]func(t *testing.T) (session.Store, session.Leases){
		"memory": func(*testing.T) (session.Store, session.Leases) {
			memory := memstore.New(nil)
			return memory, memory
		},
		"redis": func(t *testing.T) (session.Store, session.Leases) {
			redis := sessiontest.OpenRedis(t, sessiontest.StartRedis(t).Config())
			return redis, redis
		},
	}
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			store, leases := open(t)
			var replicas []*session.Manager
			for range 3 {
				replicas = append(replicas, newManager(t, session.Options{Store: store, Leases: leases}))
			}
			b := &browser{}
			state := b.mustBegin(t, replicas[0], "text")
			var spent atomic.Int64
			var opened, wg sync.WaitGroup
			opened.Add(50)
			for i := range 50 {
				wg.Go(func() {
					m := replicas[i%len(replicas)]
					login, err := m.OpenLogin(b.request(), purpose, state)
					opened.Done()
					opened.Wait()
					if err != nil {
						t.Errorf("open: %v", err)
						return
					}
					if err := m.SpendLogin(t.Context(), login); err == nil {
						spent.Add(1)
					} else {
						wantError(t, "one of those that lost", err, session.ErrLoginSpent)
					}
				})
			}
			wg.Wait()
			if spent.Load() != 1 {
				t.Errorf("%d callbacks used the state, want 1", spent.Load())
			}
		})
	}
}

// A state that somebody else got hold of is worth nothing in another browser, and the attempt does not spoil it.
func TestLoginStateBelongsToItsBrowser(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "text")
	other := &browser{}
	otherState := other.mustBegin(t, m, "another text")
	swapped := &browser{cookies: map[string]string{
		loginCookie(state): other.cookies[loginCookie(otherState)], loginCookie(otherState): b.cookies[loginCookie(state)],
	}}
	for name, thief := range map[string]*browser{
		"with a login of its own": other, "without cookies": {}, "with the cookies swapped": swapped,
	} {
		_, err := thief.finish(m, state)
		wantError(t, "another browser "+name, err, session.ErrNoLogin)
	}
	if text, err := b.finish(m, state); string(text) != "text" || err != nil {
		t.Errorf("afterwards in its own: got %q, %v", text, err)
	}
	if text, err := other.finish(m, otherState); string(text) != "another text" || err != nil {
		t.Errorf("the other's own: got %q, %v", text, err)
	}
}

// Five tabs that begin at once, none of which knows of the others' cookies yet, and come back in another order.
func TestLoginStatesInSeveralTabs(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	before := b.request()
	states := map[string]string{}
	for i := range 5 {
		w := httptest.NewRecorder()
		text := fmt.Sprint("tab ", i)
		state, err := m.BeginLogin(w, before, purpose, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		b.receive(w)
		states[text] = state.Reveal()
	}
	for want, state := range states {
		if text, err := b.finish(m, state); string(text) != want || err != nil {
			t.Errorf("got %q, %v, want %q", text, err, want)
		}
	}
}

// Fifty logins that nobody finishes leave five small cookies and nothing in Redis; the newest still works.
func TestAbandonedLoginsLeaveLittle(t *testing.T) {
	server := sessiontest.StartRedis(t)
	store := sessiontest.OpenRedis(t, server.Config())
	for name, size := range map[string]int{"short": 200, "long": 2000} {
		var clock atomic.Int64
		now := func() time.Time { return time.UnixMilli(1_800_000_000_000 + clock.Add(1)) }
		m, b := newManager(t, session.Options{Store: store, Leases: store, Now: now}), &browser{}
		var states []string
		for range 50 {
			states = append(states, b.mustBegin(t, m, strings.Repeat("x", size)))
		}
		bytes := 0
		for _, name := range b.loginCookies() {
			bytes += len(name) + len(b.cookies[name]) + len("=; ")
		}
		count := len(b.loginCookies())
		if count == 0 || count > 5 || size == 200 && count != 5 || bytes > 6<<10+100 {
			t.Errorf("%s: %d cookies of %d bytes are left", name, count, bytes)
		}
		if _, err := b.finish(m, states[0]); err == nil {
			t.Errorf("%s: the oldest is still there", name)
		}
		if keys, err := server.Do("DBSIZE"); err != nil || keys != int64(0) {
			t.Errorf("%s: Redis has %v keys, %v", name, keys, err)
		}
		for _, state := range states[50-count:] {
			if _, err := b.finish(m, state); err != nil {
				t.Errorf("%s: one of the newest: %v", name, err)
			}
		}
		if _, err := server.Do("FLUSHALL"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (&browser{}).begin(newManager(t, session.Options{}), strings.Repeat("x", 4000)); err == nil {
		t.Error("a login state that no browser takes is given out")
	}
}

// One request with a thousand login cookies gets a bounded answer.
func TestManyLoginCookiesAreClearedALittleAtATime(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{cookies: map[string]string{}}
	for i := range 1000 {
		b.cookies[fmt.Sprintf("stagedoor-login-%016x", i)] = "x"
	}
	w := httptest.NewRecorder()
	if _, err := m.BeginLogin(w, b.request(), purpose, nil); err != nil {
		t.Fatal(err)
	}
	if got := len(w.Result().Cookies()); got < 2 || got > 25 {
		t.Errorf("the answer sets %d cookies", got)
	}
}

func TestLoginStateExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, b := newManager(t, session.Options{}), &browser{}
		early, late := b.mustBegin(t, m, "early"), b.mustBegin(t, m, "late")
		pass(session.LoginStateLifetime - time.Millisecond)
		if _, err := b.finish(m, early); err != nil {
			t.Errorf("just before its end: %v", err)
		}
		pass(time.Millisecond)
		login, err := m.OpenLogin(b.request(), purpose, late)
		wantError(t, "after ten minutes", err, session.ErrLoginExpired)
		if string(login.Text) != "late" {
			t.Errorf("what it was for reads %q", login.Text)
		}
		_, err = b.finish(m, early)
		wantError(t, "used and expired", err, session.ErrLoginExpired)
	})
}

// The mark of a used state is there for as long as the state would open anywhere, with clocks a little apart.
func TestMarkOutlivesItsLoginState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := memstore.New(nil)
		m := newManager(t, session.Options{Store: memory, Leases: memory})
		slow := newManager(t, session.Options{
			Store: memory, Leases: memory, Now: func() time.Time { return time.Now().Add(-50 * time.Second) },
		})
		b := &browser{}
		state := b.mustBegin(t, m, "text")
		pass(session.LoginStateLifetime - time.Millisecond)
		if _, err := b.finish(m, state); err != nil {
			t.Fatal(err)
		}
		pass(50 * time.Second)
		_, err := b.finish(slow, state)
		wantError(t, "on a replica whose clock is slow", err, session.ErrLoginSpent)
		pass(time.Minute)
		_, err = memory.Load(t.Context(), "login:"+sha256Hex(state))
		wantError(t, "the mark", err, session.ErrAbsent)
	})
}

func TestLoginStateRejectsWhatIsNoState(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "text")
	for _, text := range []string{
		"", "state", state + "=", state[:42], strings.ToLower(state), " " + state, b.cookies[loginCookie(state)],
	} {
		if text == state {
			continue // all its letters happened to be small
		}
		_, err := b.finish(m, text)
		wantError(t, text, err, session.ErrNoLogin)
	}
	if _, err := b.finish(m, state); err != nil {
		t.Errorf("afterwards with the state: %v", err)
	}
}

// A login cookie that is not quite the one, or was made for another client, flow or address, does not open.
func TestLoginStateRejectsChangedCookies(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "text")
	name := loginCookie(state)
	whole := b.cookies[name]
	begun, encoded, _ := strings.Cut(whole, ".")
	sealed, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string]string{
		"empty": "", "cut": whole[:len(whole)-2], "lengthened": whole + "AA", "without its time": encoded, "its time alone": begun + ".",
		"twice": whole + "." + encoded, "a later time": begun + "0." + encoded, "an earlier time": begun[1:] + "." + encoded,
		"a time with a sign": "+" + whole, "a time in capitals": strings.ToUpper(begun) + "." + encoded, "padded": whole + "==",
		"another": (&browser{}).anotherCookie(t, m),
	}
	for at := range sealed {
		flipped := slices.Clone(sealed)
		flipped[at] ^= 1
		changed[fmt.Sprint("byte ", at)] = begun + "." + base64.RawURLEncoding.EncodeToString(flipped)
	}
	for what, value := range changed {
		if value == whole {
			continue // a time without letters
		}
		_, err := (&browser{cookies: map[string]string{name: value}}).finish(m, state)
		wantError(t, what, err, session.ErrNoLogin)
	}
	for _, other := range []string{"", purpose + "x", "client-2" + purpose[8:], strings.ReplaceAll(purpose, "8080", "8081")} {
		_, err := m.OpenLogin(b.request(), other, state)
		wantError(t, "for another purpose", err, session.ErrNoLogin)
	}
	if _, err := b.finish(m, state); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func (b *browser) anotherCookie(t *testing.T, m *session.Manager) string {
	t.Helper()
	return b.cookies[loginCookie(b.mustBegin(t, m, "text"))]
}

// A value that a sibling domain has planted under the name of the browser's own login cookie makes both worthless.
func TestLoginStateRejectsTwoCookies(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	state := b.mustBegin(t, m, "text")
	r := b.request()
	r.AddCookie(&http.Cookie{Name: loginCookie(state), Value: (&browser{}).anotherCookie(t, m)})
	_, err := finish(m, r, state)
	wantError(t, "with two login cookies", err, session.ErrNoLogin)
}

// While the store is down logins begin, and none is used up.
func TestLoginStateWhileTheStoreIsDown(t *testing.T) {
	store := &switchStore{memory: memstore.New(nil)}
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	store.down.Store(true)
	state := b.mustBegin(t, m, "text")
	_, err := b.finish(m, state)
	wantError(t, "finishing", err, session.ErrStoreUnavailable)
	store.down.Store(false)
	if _, err := b.finish(m, state); err != nil {
		t.Errorf("the login goes on after the outage: %v", err)
	}
}

// Logins that began under an older key end under the new one, until the older key goes.
func TestLoginStateOutlivesAKeyRotation(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	first, second := b.mustBegin(t, m, "first"), b.mustBegin(t, m, "second")
	rotated := testConfig()
	rotated.Keys = []secret.Text{session.NewKey(), testKey}
	if err := m.Use(session.Settings{Config: rotated}); err != nil {
		t.Fatal(err)
	}
	if text, err := b.finish(m, first); string(text) != "first" || err != nil {
		t.Errorf("under the older key: %q, %v", text, err)
	}
	rotated.Keys = rotated.Keys[:1]
	if err := m.Use(session.Settings{Config: rotated}); err != nil {
		t.Fatal(err)
	}
	_, err := b.finish(m, second)
	wantError(t, "once the key is gone", err, session.ErrNoLogin)
}

func TestLoginStateIsSealed(t *testing.T) {
	memory := memstore.New(nil)
	m, b := newManager(t, session.Options{Store: memory, Leases: memory}), &browser{}
	state := b.mustBegin(t, m, "the verifier")
	value := b.cookies[loginCookie(state)]
	_, encoded, _ := strings.Cut(value, ".")
	sealed, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil || strings.Contains(string(sealed), "verifier") || strings.Contains(value, "verifier") {
		t.Errorf("the cookie can be read: %q, %v", sealed, err)
	}
	if _, err := b.finish(m, state); err != nil {
		t.Fatal(err)
	}
	mark, err := memory.Load(t.Context(), "login:"+sha256Hex(state))
	if err != nil || len(mark.Data) > 16 {
		t.Errorf("the mark is %q, %v", mark.Data, err)
	}
}

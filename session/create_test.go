package session_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

func TestCreateGivesASession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		created := b.logIn(t, r.managers[0], goodFor(time.Hour))
		s := mustPeek(t, r.managers[1], b)
		want := session.User{ID: "ada", AccountID: "acc-1", DisplayName: "Ada Lovelace", Image: "https://i.scdn.co/image/1"}
		if s.User() != want || created.User() != want {
			t.Errorf("the user is %+v, want %+v", s.User(), want)
		}
		if got := strings.Join(s.Scopes(), " "); got != "user-read-email streaming" {
			t.Errorf("the scopes are %q", got)
		}
		if got := ask(t.Context(), r.managers[1], b); got.access != "access-1" {
			t.Errorf("the token is %q, %v", got.access, got.err)
		}
		if !s.ExpiresAt().Equal(time.Now().Add(7*24*time.Hour)) || !s.ReauthorizeBy().Equal(time.Now().Add(180*24*time.Hour)) {
			t.Errorf("it expires at %v and is to be authorized again by %v", s.ExpiresAt(), s.ReauthorizeBy())
		}
		if label := "session " + s.Label(); s.String() != label || len(s.Label()) != 8 || !strings.Contains(b.key(), s.Label()) {
			t.Errorf("it prints as %q and its label is %q", s, s.Label())
		}
		if got := r.managers[1].Label(b.request()); got != s.Label() {
			t.Errorf("the request's label is %q, the session's %q", got, s.Label())
		}
		if r.audited("login", "ok") != 1 {
			t.Error("there is not one audit line for the login")
		}
	})
}

func TestCreateEndsTheOldSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, b := newReplicas(t, 2), &browser{}
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		old := &browser{cookies: map[string]string{"stagedoor": b.cookies["stagedoor"]}}
		mustPeek(t, r.managers[1], old)
		b.logIn(t, r.managers[0], goodFor(time.Hour))
		if b.cookies["stagedoor"] == old.cookies["stagedoor"] {
			t.Error("the second login kept the id of the first")
		}
		mustPeek(t, r.managers[1], b)
		for _, m := range r.managers {
			_, err := peek(m, old)
			wantError(t, "the first session", err, session.ErrNoSession)
		}
	})
}

// A cookie with SameSite=Strict does not come back from the consent page, so the login remembers the session before it.
func TestCreateEndsWhatItReplaces(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	b.logIn(t, m, goodFor(time.Hour))
	begin := b.request()
	for i := range 9 { // somebody may have planted more, and the note shall not grow without bounds
		begin.AddCookie(&http.Cookie{Name: "stagedoor", Value: strings.Repeat(strconv.Itoa(i), 42) + "A"})
	}
	named := m.Named(begin)
	if len(named) == 0 || len(named) > 4 {
		t.Fatalf("ten cookies are remembered as %q", named)
	}
	back := (&browser{}).request()
	if _, err := m.Create(httptest.NewRecorder(), back, session.Login{
		User: session.User{ID: "ada"}, Grant: goodFor(time.Hour), AuthorizedAt: time.Now(), Replaces: named,
	}); err != nil {
		t.Fatal(err)
	}
	_, err := peek(m, b)
	wantError(t, "the first session", err, session.ErrNoSession)
}

// An id that a client brings is never the id of its next session, whether it looks like one or not.
func TestCreateNeverAdoptsAnID(t *testing.T) {
	m := newManager(t, session.Options{})
	for _, planted := range []string{strings.Repeat("A", 43), "garbage"} {
		b := &browser{cookies: map[string]string{"stagedoor": planted}}
		_, err := peek(m, b)
		wantError(t, "the planted id", err, session.ErrNoSession)
		b.logIn(t, m, goodFor(time.Hour))
		if b.cookies["stagedoor"] == planted {
			t.Errorf("the session has the planted id %q", planted)
		}
		_, err = peek(m, &browser{cookies: map[string]string{"stagedoor": planted}})
		wantError(t, "the planted id after the login", err, session.ErrNoSession)
	}
}

func TestCreateWithoutTheStore(t *testing.T) {
	store := &switchStore{memory: memstore.New(nil)}
	store.down.Store(true)
	m, b := newManager(t, session.Options{Store: store, Leases: store}), &browser{}
	w := httptest.NewRecorder()
	_, err := m.Create(w, b.request(), session.Login{Grant: goodFor(time.Hour), AuthorizedAt: time.Now()})
	wantError(t, "the login", err, session.ErrStoreUnavailable)
	if set := w.Result().Cookies(); len(set) > 0 {
		t.Errorf("a login that failed set the cookies %v", set)
	}
}

// Scopes may be changed by whoever asked for them, without an effect on the session.
func TestScopesAreACopy(t *testing.T) {
	m, b := newManager(t, session.Options{}), &browser{}
	s := b.logIn(t, m, goodFor(time.Hour))
	s.Scopes()[0] = "everything"
	if got := s.Scopes()[0]; got != "user-read-email" {
		t.Errorf("the first scope is now %q", got)
	}
}

// A User-Agent of any size and kind is no obstacle, and takes little room.
func TestCreateWithAHostileUserAgent(t *testing.T) {
	for name, userAgent := range map[string]string{
		"long":                   strings.Repeat("x", 60_000),
		"cut inside a character": strings.Repeat("x", 119) + "☃",
		"not UTF-8":              "\xff\xfe",
		"none":                   "",
	} {
		store := &switchStore{memory: memstore.New(nil)}
		m := newManager(t, session.Options{Store: store, Leases: store})
		b := &browser{}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("User-Agent", userAgent)
		w := httptest.NewRecorder()
		s, err := m.Create(w, r, session.Login{User: session.User{ID: "ada"}, Grant: goodFor(time.Hour), AuthorizedAt: time.Now()})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.receive(w)
		e, err := store.Load(t.Context(), b.key())
		if err != nil || len(e.Data) > 600 {
			t.Errorf("%s: the record takes %d bytes, %v", name, len(e.Data), err)
		}
		if got := mustPeek(t, m, b); got.User() != s.User() || !utf8.ValidString(got.String()) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

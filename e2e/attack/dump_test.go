package attack

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// openForAll are the kinds of record that have no cookie, and therefore open with the configured key alone, as the contract
// says: a shared account's grant and the app's token. The list of a user's sessions, which holds no token, is no record.
var openForAll = []string{"account", "app"}

// TestRedisAndConfigurationOpenNothing gives an intruder all of Redis and all of the configuration. What belongs to a browser
// stays closed, because its key is in the cookie. That the rest opens shows that the intruder knows how.
func TestRedisAndConfigurationOpenNothing(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Log: "debug", Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.UserRoute, stage.AppRoute, stage.RadioRoute)})
	w.ConnectAccount(t, "radio", "ben")
	v := w.Visitor()
	v.Login("ada")
	v.Get("/app/"+stage.Catalogue).Expect(t, "the app's route", http.StatusOK, "")
	state := leaveForConsent(v)
	_, ticket, _ := strings.Cut(w.ConnectLink(t, "radio"), "ticket=")
	cookie := cookieOf(v, "stagedoor")

	i := newIntruder(t, w)
	a := newAttacks(t, "records opened with Redis and the configuration")
	tried := map[string]int{}
	for name := range i.records {
		kind, _, _ := strings.Cut(name, ":")
		plain, with, tries := i.crack(name)
		if slices.Contains(openForAll, kind) {
			a.expect(plain != nil, "a record of the kind %s does not open: is the contract out of date?", kind)
		} else {
			a.expect(plain == nil, "a record of the kind %s opens with %q", kind, with)
		}
		tried[kind] += tries
	}
	t.Logf("the tries are %v", tried)
	if len(tried) != 5 {
		t.Errorf("the kinds of record are %v, want five", tried)
	}
	a.tryCookies(w, i)
	a.tryMovedRecords(w, i)

	a.tryLoginCookie(w, i, state, loginCookieOf(v, state))

	for kind, secret := range map[string]string{"session": cookie, "ticket": ticket} {
		if plain, err := i.open(placeOf(kind, secret), secret); err != nil || len(plain) == 0 {
			t.Errorf("a record of the kind %s does not open with its own secret: %v", kind, err)
		}
	}
	expectTokensWithout(w, t, cookie)
}

// expectTokensWithout opens the account's and the app's token with nothing but Redis and the configured key, and the user's
// with the cookie, by the program's own means.
func expectTokensWithout(w *stage.World, t *testing.T, cookie string) {
	t.Helper()
	m := sessionsWith(w, t, w.Key)
	r, err := http.NewRequest(http.MethodGet, w.Balancer.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(&http.Cookie{Name: "stagedoor", Value: cookie})
	user, userErr := m.Find(r)
	account, accountErr := m.Account(t.Context(), "radio")
	app, appErr := m.App(t.Context())
	if err := errors.Join(userErr, accountErr, appErr); err != nil {
		t.Fatal(err)
	}
	issued := slices.Collect(maps.Values(w.Spotify.Issued()))
	for who, s := range map[string]*session.Session{"the user": user, "the account": account, "the app": app} {
		if token, err := m.Token(t.Context(), s, 0); err != nil || !slices.Contains(issued, token.Access.Reveal()) {
			t.Errorf("the token of %s is not there: %v", who, err)
		}
	}
	if _, err := sessionsWith(w, t, session.NewKey()).Account(t.Context(), "radio"); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("the account opens without the configured key: %v", err)
	}
}

// tryCookies shows the gateway's own sessions everything that an intruder has and that looks like an id.
func (a *attacks) tryCookies(w *stage.World, i *intruder) {
	a.t.Helper()
	for _, guess := range i.guesses {
		if raw, err := base64.RawURLEncoding.DecodeString(guess); err != nil || len(raw) != sha256.Size {
			continue
		}
		v := w.Visitor()
		answer := v.Get("/api/me", "Cookie", "stagedoor="+guess)
		a.expect(answer.Status == http.StatusUnauthorized, "the cookie %q is let in: %d", guess, answer.Status)
	}
}

// tryLoginCookie gives the intruder the cookie of a login that has begun as well, and not its state.
func (a *attacks) tryLoginCookie(w *stage.World, i *intruder, state, cookie string) {
	a.t.Helper()
	begun, encoded, _ := strings.Cut(cookie, ".")
	sealed, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		a.t.Fatal(err)
	}
	binding := strings.Join([]string{placeOf("login", state), begun, stage.ClientID, flows.FlowCode, w.Balancer.URL}, "\n")
	for _, guess := range append(i.guesses, cookie, begun, encoded) {
		plain, err := openSealed(i.aead(guess), sealed, binding)
		a.expect(err != nil, "a login cookie opens with %q: %s", guess, plain)
	}
	if plain, err := openSealed(i.aead(state), sealed, binding); err != nil || !strings.Contains(string(plain), `"v":`) {
		a.t.Errorf("with its state the login cookie opens as %q, %v", plain, err)
	}
}

// tryMovedRecords writes into Redis, too: a stranger's record under an id that the intruder has, and under every other key.
func (a *attacks) tryMovedRecords(w *stage.World, i *intruder) {
	a.t.Helper()
	own := base64.RawURLEncoding.EncodeToString(make([]byte, sha256.Size))
	key := "stagedoor:{" + placeOf("session", own) + "}"
	for name := range i.records {
		if _, err := w.Redis.Do("COPY", "stagedoor:{"+name+"}", key, "REPLACE"); err != nil {
			a.t.Fatal(err)
		}
		answer := w.Visitor().Get("/api/me", "Cookie", "stagedoor="+own)
		kind, _, _ := strings.Cut(name, ":")
		a.expect(answer.Status == http.StatusUnauthorized, "the record of a %s became a session: %d", kind, answer.Status)
	}
	if _, err := w.Redis.Do("DEL", key); err != nil {
		a.t.Fatal(err)
	}
}

// placeOf is where the record of an id lies.
func placeOf(kind, id string) string {
	digest := sha256.Sum256([]byte(id))
	return kind + ":" + hex.EncodeToString(digest[:])
}

// cookieOf returns the value of one of the browser's cookies.
func cookieOf(v *stage.Visitor, name string) string {
	v.T.Helper()
	home, err := url.Parse(v.W.Balancer.URL)
	if err != nil {
		v.T.Fatal(err)
	}
	for _, cookie := range v.Client.Jar.Cookies(home) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	v.T.Fatalf("there is no cookie %s", name)
	return ""
}

// leaveForConsent begins a login without ending it, and returns its state.
func leaveForConsent(v *stage.Visitor) string {
	v.T.Helper()
	consent, _ := v.Step(v.W.Balancer.URL + "/auth/login")
	address, err := url.Parse(consent)
	if err != nil || address.Query().Get("state") == "" {
		v.T.Fatalf("the login leads to %q", consent)
	}
	return address.Query().Get("state")
}

// sessionsWith are the program's own sessions over the same Redis, under a key.
func sessionsWith(w *stage.World, t *testing.T, key secret.Text) *session.Manager {
	t.Helper()
	store, err := redisstore.New(w.Redis.Config(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	config := session.DefaultConfig()
	config.Keys = []secret.Text{key}
	none := errors.New("nothing is refreshed here")
	m, err := session.NewManager(session.Options{
		Config: config, Store: store, Leases: store, Lists: store, Bulk: store, Log: zap.NewNop(), Client: stage.ClientID,
		Refresh: func(context.Context, secret.Text) (session.Grant, error) { return session.Grant{}, none },
		App:     func(context.Context) (session.Grant, error) { return session.Grant{}, none },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		_ = store.Close()
	})
	return m
}

package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// storedTrial is a world with one record of every kind in Redis, and an attacker who may write there.
type storedTrial struct {
	*loginTrial
	laptop, phone, other *stage.Visitor // two of Ada's and one of Ben's
	records              []storedRecord
	used                 url.Values // what Ada's laptop has logged in with, and the mark of its state
	mark                 string
}

// storedRecord is what lies under one key of Redis.
type storedRecord struct {
	name, key string
	// void tells whether the gateway takes the record for none, and what it says.
	void func() (bool, string)
}

// becomes waits until the record is void or not, because Redis tells a gateway of a change a moment later.
func (r storedRecord) becomes(want bool) (void bool, said string) {
	for deadline := time.Now().Add(stage.StartTime); ; {
		if void, said = r.void(); void == want || time.Now().After(deadline) {
			return void, said
		}
	}
}

// TestMovedRecords copies every record of Redis over every other, and changes each where it lies: nothing opens.
func TestMovedRecords(t *testing.T) {
	stage.OnlyLong(t, "every record takes the place of every other")
	t.Parallel()
	st := newStoredTrial(t)
	moved := newAttacks(t, "records moved in Redis")
	for _, to := range st.records {
		for _, from := range append(st.records, storedRecord{name: "a used state", key: st.mark}) {
			if from.key == to.key {
				continue
			}
			st.keep(to.key)
			st.RedisDo("COPY", from.key, to.key, "REPLACE")
			void, said := to.becomes(true)
			moved.expect(void, "%s in the place of %s: %s", from.name, to.name, said)
			st.restore(to.key)
		}
	}
	for _, from := range st.records { // whatever stands where a mark stood, the state is used
		st.keep(st.mark)
		st.RedisDo("COPY", from.key, st.mark, "REPLACE")
		calls := standingOf(st.loginTrial.World).tokenCalls
		a := st.arrive(surfer(st.loginTrial.World), st.used, "Cookie", cookies(loginCookie(st.used.Get("state")), loginCookieOf(st.laptop, st.used.Get("state"))))
		moved.expect(hasRefused(a) && standingOf(st.loginTrial.World).tokenCalls == calls, "%s in the place of a mark: %s", from.name, short(a))
		st.restore(st.mark)
	}
	changed := newAttacks(t, "records changed in Redis")
	for _, r := range st.records {
		whole := st.RedisDo("GET", r.key).(string)
		st.keep(r.key)
		for name, value := range damaged(whole) {
			st.RedisDo("SET", r.key, value, "KEEPTTL")
			void, said := r.becomes(true)
			changed.expect(void, "%s with %s: %s", r.name, name, said)
		}
		st.restore(r.key)
	}
	for _, r := range st.records { // else void would be true of everything
		if void, said := r.becomes(false); void {
			t.Errorf("%s is void as it was: %s", r.name, said)
		}
	}
}

// damaged returns values that are not quite the one. The version in front is not sealed; the format, the key's fingerprint,
// the client id's tag, the nonce, the text and its tag behind it are.
func damaged(value string) map[string]string {
	flipped := func(at int) string { return value[:at] + string([]byte{value[at] ^ 1}) + value[at+1:] }
	last := len(value) - 1
	return map[string]string{
		"another format": flipped(8), "another fingerprint": flipped(9), "the fingerprint's end changed": flipped(12),
		"another client": flipped(13), "the client's end changed": flipped(16),
		"another nonce": flipped(17), "a changed text": flipped(17 + 12), "a changed middle": flipped((29 + last) / 2),
		"another tag": flipped(last), "nothing behind the version": value[:8], "half a version": value[:4], "nothing": "",
		"the header alone": value[:17], "a byte less": value[:last], "a byte more": value + "\x00",
		"its text twice": value + value[17:],
	}
}

func newStoredTrial(t *testing.T) *storedTrial {
	t.Helper()
	w := stage.NewWorld(t, stage.Options{
		Replicas: 2, Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.UserRoute, stage.AppRoute, stage.RadioRoute), Quota: "cache: 0", // each call opens its record
	})
	st := &storedTrial{loginTrial: &loginTrial{World: w, flow: flows.FlowCode}}
	w.ConnectAccount(t, "radio", "chloe")
	st.laptop, st.phone, st.other = surfer(st.loginTrial.World), st.loggedIn("ada"), st.loggedIn("ben")
	st.used = consented(st.laptop, "ada")
	st.mark = recordKey("login", st.used.Get("state"))
	if a := st.arrive(st.laptop, st.used); !hasArrived(a) {
		t.Fatalf("the login ended with %s", short(a))
	}
	consented(st.laptop, "ada") // a login that has begun is nowhere in Redis
	_, ticket, _ := strings.Cut(w.ConnectLink(t, "radio"), "ticket=")
	if a := st.laptop.Get("/app/search?q=a&type=artist"); a.Status != http.StatusOK {
		t.Fatalf("the app's own call answered %s", short(a))
	}
	st.records = []storedRecord{
		st.sessionRecord("Ada's laptop", st.laptop), st.sessionRecord("Ada's phone", st.phone),
		st.sessionRecord("Ben's session", st.other),
		{"a ticket", recordKey("ticket", ticket), func() (bool, string) { return st.ticketIsVoid(ticket) }},
		{"the account", recordKey("account", stage.ClientID+"\x00radio"), func() (bool, string) {
			a := surfer(st.loginTrial.World).Get(stage.NowPlaying)
			return a.Status == http.StatusUnauthorized && a.Reason() == "REAUTHORIZATION_REQUIRED", short(a)
		}},
		{"the app's token", recordKey("app", stage.ClientID), st.appIsVoid},
	}
	keys := st.Keys("*")
	if !slices.Contains(keys, st.mark) {
		t.Fatalf("Redis has the keys %v, and not %s", keys, st.mark)
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { // other marks, the traces of deletions, and lists, which are no records
		return isList(key) || strings.HasPrefix(key, "stagedoor:{login:") || strings.HasSuffix(key, ":deleted")
	})
	for _, r := range st.records {
		if !slices.Contains(keys, r.key) || len(keys) != len(st.records) {
			t.Fatalf("Redis has the keys %v, and %s should be %s", keys, r.name, r.key)
		}
	}
	return st
}

// recordKey is where a record lies; the names of accounts, apps and users are hashed as ids are.
func recordKey(kind, id string) string {
	sum := sha256.Sum256([]byte(id))
	return fmt.Sprintf("stagedoor:{%s:%s}", kind, hex.EncodeToString(sum[:]))
}

func (st *storedTrial) sessionRecord(name string, v *stage.Visitor) storedRecord {
	return storedRecord{name, recordKey("session", cookie(v, "stagedoor")), func() (bool, string) {
		user, a := st.userOf(v), v.Get("/api/me")
		return user == "" && wantsLogin(a), user + " " + short(a)
	}}
}

func (st *storedTrial) ticketIsVoid(ticket string) (bool, string) {
	a := surfer(st.loginTrial.World).Get("/auth/connect?ticket=" + ticket) // its page does not use it up
	return hasRefused(a), short(a)
}

// appIsVoid: whatever lies there, the app speaks with a token of its own, which is another one than before.
func (st *storedTrial) appIsVoid() (bool, string) {
	before := st.Spotify.Counts().TokenCalls["client_credentials"]
	a := surfer(st.loginTrial.World).Get("/app/search?q=a&type=artist")
	labels := st.Labels("/v1/search")
	last := labels[len(labels)-1]
	own := a.Status == http.StatusOK && strings.HasPrefix(last, stage.ClientID+"/")
	return own && st.Spotify.Counts().TokenCalls["client_credentials"] == before+1, "with the token " + last + ": " + short(a)
}

// keep remembers the record of a key, and restore puts it back.
func (st *storedTrial) keep(key string) { st.RedisDo("COPY", key, "kept", "REPLACE") }

func (st *storedTrial) restore(key string) {
	st.RedisDo("COPY", "kept", key, "REPLACE")
	st.RedisDo("DEL", "kept")
}

// TestRolledBackRecords puts back what Redis has had before. No seal can tell an old record from one that was never
// replaced; what holds is that it opens for its own browser alone, as its own user, for no longer than it ever would, and
// that nothing is redeemed a second time.
func TestRolledBackRecords(t *testing.T) {
	t.Parallel()
	lt := &loginTrial{flow: flows.FlowCode, World: stage.NewWorld(t, stage.Options{Replicas: 2, Session: "refresh_before: 1h"})}
	class := newAttacks(t, "old records put back into Redis")
	if err := lt.Spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	v, stranger := surfer(lt.World), lt.loggedIn("ben")
	back := consented(v, "ada")
	login := cookies(loginCookie(back.Get("state")), loginCookieOf(v, back.Get("state")))
	if a := lt.arrive(v, back); !hasArrived(a) {
		t.Fatalf("the login ended with %s", short(a))
	}
	holder := surfer(lt.World) // of a copy of the cookie
	plant(holder, "stagedoor", cookie(v, "stagedoor"), "/")
	session := recordKey("session", cookie(v, "stagedoor"))
	lt.RedisDo("COPY", session, "old session")
	v.Get("/api/me").Expect(t, "with a token that is due", http.StatusOK, "")
	sessiontest.Eventually(t, stage.StartTime, "the token is refreshed beside the request", func() bool {
		return lt.Spotify.Counts().TokenCalls["refresh_token"] == 1 && lt.RedisDo("GET", session) != lt.RedisDo("GET", "old session")
	})
	lt.RedisDo("COPY", session, "last session")
	told := v.Get("/auth/session").Body

	lt.RedisDo("COPY", "old session", session, "REPLACE")
	old := storedRecord{void: func() (bool, string) { // its refresh token was used, which ends the grant
		a := v.Get("/api/me")
		return a.Reason() == "REAUTHORIZATION_REQUIRED", short(a)
	}}
	ended, said := old.becomes(true)
	class.expect(ended, "a session from before its refresh answers %s", said)

	v.Do(http.MethodPost, "/auth/logout", "")
	lt.RedisDo("COPY", "last session", session, "REPLACE")
	plant(v, "stagedoor", stage.AState, "/")
	for want, somebody := range map[string]*stage.Visitor{"": v, "ben": stranger} {
		got := lt.userOf(somebody)
		class.expect(got == want, "a session from before its logout: %q is %q", want, got)
	}
	a := holder.Get("/auth/session")
	class.expect(a.Body == told || strings.Contains(a.Body, `"authenticated":false`),
		"a session from before its logout tells of other times than then: %s", short(a))

	mark := recordKey("login", back.Get("state")) // with the mark, and once somebody has taken it out of Redis
	for range 2 {
		sessions := len(lt.SessionKeys())
		a = lt.arrive(v, back, "Cookie", login)
		class.expect(hasRefused(a) && len(lt.SessionKeys()) == sessions && lt.userOf(v) == "",
			"a login that was used, with its cookie replayed, ended with %s", short(a))
		lt.RedisDo("DEL", mark)
	}
}

package e2e

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

	"stagedoor/flows"
	"stagedoor/simulator"
)

// storedTrial is a world with one record of every kind in Redis, and an attacker who may write there.
type storedTrial struct {
	*loginTrial
	laptop, phone, other *visitor // two of Ada's and one of Ben's
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
	for deadline := time.Now().Add(startTime); ; {
		if void, said = r.void(); void == want || time.Now().After(deadline) {
			return void, said
		}
	}
}

// TestMovedRecords copies every record of Redis over every other, and changes each where it lies: nothing opens.
func TestMovedRecords(t *testing.T) {
	t.Parallel()
	st := newStoredTrial(t)
	moved := newAttacks(t, "records moved in Redis")
	for _, to := range st.records {
		for _, from := range append(st.records, storedRecord{name: "a used state", key: st.mark}) {
			if from.key == to.key {
				continue
			}
			st.keep(to.key)
			st.redisDo("COPY", from.key, to.key, "REPLACE")
			void, said := to.becomes(true)
			moved.held(void, "%s in the place of %s: %s", from.name, to.name, said)
			st.restore(to.key)
		}
	}
	for _, from := range st.records { // whatever stands where a mark stood, the state is used
		st.keep(st.mark)
		st.redisDo("COPY", from.key, st.mark, "REPLACE")
		calls := st.standing().tokenCalls
		a := st.arrive(st.surfer(), st.used, "Cookie", cookies(loginCookie(st.used.Get("state")), st.laptop.loginCookie(st.used.Get("state"))))
		moved.held(hasRefused(a) && st.standing().tokenCalls == calls, "%s in the place of a mark: %s", from.name, a.short())
		st.restore(st.mark)
	}
	changed := newAttacks(t, "records changed in Redis")
	for _, r := range st.records {
		whole := st.redisDo("GET", r.key).(string)
		st.keep(r.key)
		for name, value := range damaged(whole) {
			st.redisDo("SET", r.key, value, "KEEPTTL")
			void, said := r.becomes(true)
			changed.held(void, "%s with %s: %s", r.name, name, said)
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
	w := newWorld(t, options{
		replicas: 2, accounts: radio, routes: pages{}.route(t, userRoute, appRoute, radioRoute), quota: "cache: 0", // each call opens its record
	})
	st := &storedTrial{loginTrial: &loginTrial{world: w, flow: flows.FlowCode}}
	w.connectAccount(t, "radio", "chloe")
	st.laptop, st.phone, st.other = st.surfer(), st.loggedIn("ada"), st.loggedIn("ben")
	st.used = st.laptop.consented("ada")
	st.mark = recordKey("login", st.used.Get("state"))
	if a := st.arrive(st.laptop, st.used); !hasArrived(a) {
		t.Fatalf("the login ended with %s", a.short())
	}
	st.laptop.consented("ada") // a login that has begun is nowhere in Redis
	_, ticket, _ := strings.Cut(w.connectLink(t, "radio"), "ticket=")
	if a := st.laptop.get("/app/search?q=a&type=artist"); a.status != http.StatusOK {
		t.Fatalf("the app's own call answered %s", a.short())
	}
	st.records = []storedRecord{
		st.sessionRecord("Ada's laptop", st.laptop), st.sessionRecord("Ada's phone", st.phone),
		st.sessionRecord("Ben's session", st.other),
		{"a ticket", recordKey("ticket", ticket), func() (bool, string) { return st.ticketIsVoid(ticket) }},
		{"the account", recordKey("account", clientID+"\x00radio"), func() (bool, string) {
			a := st.surfer().get(nowPlaying)
			return a.status == http.StatusUnauthorized && a.reason() == "REAUTHORIZATION_REQUIRED", a.short()
		}},
		{"the app's token", recordKey("app", clientID), st.appIsVoid},
	}
	keys := st.keys("*")
	if !slices.Contains(keys, st.mark) {
		t.Fatalf("Redis has the keys %v, and not %s", keys, st.mark)
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { // other marks, the traces of deletions, and lists, which are no records
		return strings.HasPrefix(key, "stagedoor:{login:") || strings.HasPrefix(key, "stagedoor:{index:") || strings.HasSuffix(key, ":deleted")
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

func (st *storedTrial) sessionRecord(name string, v *visitor) storedRecord {
	return storedRecord{name, recordKey("session", v.cookie("stagedoor")), func() (bool, string) {
		user, a := st.userOf(v), v.get("/api/me")
		return user == "" && wantsLogin(a), user + " " + a.short()
	}}
}

func (st *storedTrial) ticketIsVoid(ticket string) (bool, string) {
	a := st.surfer().get("/auth/connect?ticket=" + ticket) // its page does not use it up
	return hasRefused(a), a.short()
}

// appIsVoid: whatever lies there, the app speaks with a token of its own, which is another one than before.
func (st *storedTrial) appIsVoid() (bool, string) {
	before := st.spotify.Counts().TokenCalls["client_credentials"]
	a := st.surfer().get("/app/search?q=a&type=artist")
	labels := st.labels("/v1/search")
	last := labels[len(labels)-1]
	own := a.status == http.StatusOK && strings.HasPrefix(last, clientID+"/")
	return own && st.spotify.Counts().TokenCalls["client_credentials"] == before+1, "with the token " + last + ": " + a.short()
}

// keep remembers the record of a key, and restore puts it back.
func (st *storedTrial) keep(key string) { st.redisDo("COPY", key, "kept", "REPLACE") }

func (st *storedTrial) restore(key string) {
	st.redisDo("COPY", "kept", key, "REPLACE")
	st.redisDo("DEL", "kept")
}

func (w *world) redisDo(command ...string) any {
	w.t.Helper()
	reply, err := w.redis.Do(command...)
	if err != nil {
		w.t.Fatalf("%.60q: %v", command, err)
	}
	return reply
}

// TestRolledBackRecords puts back what Redis has had before. No seal can tell an old record from one that was never
// replaced; what holds is that it opens for its own browser alone, as its own user, for no longer than it ever would, and
// that nothing is redeemed a second time.
func TestRolledBackRecords(t *testing.T) {
	t.Parallel()
	lt := &loginTrial{flow: flows.FlowCode, world: newWorld(t, options{replicas: 2, session: "refresh_before: 1h"})}
	class := newAttacks(t, "old records put back into Redis")
	if err := lt.spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	v, stranger := lt.surfer(), lt.loggedIn("ben")
	back := v.consented("ada")
	login := cookies(loginCookie(back.Get("state")), v.loginCookie(back.Get("state")))
	if a := lt.arrive(v, back); !hasArrived(a) {
		t.Fatalf("the login ended with %s", a.short())
	}
	holder := lt.surfer() // of a copy of the cookie
	holder.plant("stagedoor", v.cookie("stagedoor"), "/")
	session := recordKey("session", v.cookie("stagedoor"))
	lt.redisDo("COPY", session, "old session")
	v.get("/api/me").expect(t, "with a token that is due", http.StatusOK, "")
	lt.redisDo("COPY", session, "last session")
	told := v.get("/auth/session").body

	lt.redisDo("COPY", "old session", session, "REPLACE")
	old := storedRecord{void: func() (bool, string) { // its refresh token was used, which ends the grant
		a := v.get("/api/me")
		return a.reason() == "REAUTHORIZATION_REQUIRED", a.short()
	}}
	ended, said := old.becomes(true)
	class.held(ended, "a session from before its refresh answers %s", said)

	v.do(http.MethodPost, "/auth/logout", "")
	lt.redisDo("COPY", "last session", session, "REPLACE")
	v.plant("stagedoor", aState, "/")
	for want, somebody := range map[string]*visitor{"": v, "ben": stranger} {
		got := lt.userOf(somebody)
		class.held(got == want, "a session from before its logout: %q is %q", want, got)
	}
	a := holder.get("/auth/session")
	class.held(a.body == told || strings.Contains(a.body, `"authenticated":false`),
		"a session from before its logout tells of other times than then: %s", a.short())

	mark := recordKey("login", back.Get("state")) // with the mark, and once somebody has taken it out of Redis
	for range 2 {
		sessions := len(lt.sessionKeys())
		a = lt.arrive(v, back, "Cookie", login)
		class.held(hasRefused(a) && len(lt.sessionKeys()) == sessions && lt.userOf(v) == "",
			"a login that was used, with its cookie replayed, ended with %s", a.short())
		lt.redisDo("DEL", mark)
	}
}

package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
	"stagedoor/simulator"
)

// swapTrial is a world with one of every value that stands for somebody or something, all of them Ada's and all of them
// still good, and with an attacker who has them all and puts each where another belongs.
type swapTrial struct {
	*loginTrial
	victim, attacker *stage.Visitor
	pending          url.Values // what the consent page has answered to the victim, who has not brought it back yet
	values           map[string]string
}

// swapPlace is a place where one kind of value is taken.
type swapPlace struct {
	name   string
	belong []string // the values that belong there
	// put sends the value and tells whether it was refused. A place that uses something up begins anew with every value.
	put func(st *swapTrial, value string) (stage.Answer, bool)
	// spends tells that a refusal uses up what the attacker himself has begun, so that Redis changes.
	spends bool
}

// TestSwappedValues puts each value in the place of every other, in all flows.
func TestSwappedValues(t *testing.T) {
	t.Parallel()
	class := newAttacks(t, "swapped values")
	for _, flow := range []string{flows.FlowCode, flows.FlowPKCE, flows.FlowImplicit} {
		t.Run(flow, func(t *testing.T) {
			t.Parallel()
			st := newSwapTrial(t, flow)
			for _, p := range swapPlaces(flow) {
				st.tryAt(class, p)
			}
			st.expectAllGood()
		})
	}
}

// apiKey is the key of the account route's callers.
const apiKey = "the-api-key-of-a-caller-4d1f09b7c2e85a63"

func newSwapTrial(t *testing.T, flow string) *swapTrial {
	t.Helper()
	keys := filepath.Join(t.TempDir(), "keys")
	stage.WriteFile(t, keys, apiKey+"\n")
	w := stage.NewWorld(t, stage.Options{
		Replicas: 2, Log: "debug", Public: flow != flows.FlowCode, Implicit: flow == flows.FlowImplicit,
		Spotify:  "flow: " + flow + "\nscopes: [user-read-private, streaming]",
		Session:  "browser_tokens: true\nrefresh_before: 1h",
		Accounts: fmt.Sprintf("box: {api_keys_file: %q}", keys),
		Routes: stage.Pages{}.Route(t, stage.UserRoute,
			"{path: /box/, upstream: spotify, credentials: account:box, methods: [GET], allow: [me/player/currently-playing]}"),
	})
	st := &swapTrial{loginTrial: &loginTrial{World: w, flow: flow}, values: map[string]string{}}
	st.attacker = st.loggedIn("chloe")
	if !st.implicit() {
		w.ConnectAccount(t, "box", "ada")
	}
	st.victim = st.loggedIn("ada")
	st.collect()
	return st
}

// collect gets hold of one of every value.
func (st *swapTrial) collect() {
	st.T.Helper()
	t := st.T.(*testing.T)
	set := func(name, value string) {
		t.Helper()
		if value == "" {
			t.Fatalf("there is no %s", name)
		}
		st.values[name] = value
	}
	used := surfer(st.loginTrial.World)
	spent := consented(used, "ada")
	st.arrive(used, spent)
	set("used state", spent.Get("state"))
	used.Do(http.MethodPost, "/auth/logout", "")

	answered := st.victim.Get("/api/me") // refreshes the token where there is something to refresh
	answered.Expect(t, "GET /api/me", http.StatusOK, "")
	bearers := st.Bearers()
	set("access token", bearers[len(bearers)-1])
	set("session id", cookie(st.victim, "stagedoor"))
	_, handle, _ := st.victim.Sessions()
	set("handle", handle)
	sum := sha256.Sum256([]byte(st.values["session id"]))
	set("key of the session", hex.EncodeToString(sum[:]))
	set("request id", answered.Header.Get("X-Request-Id"))
	set("API key", apiKey)
	sum = sha256.Sum256([]byte(apiKey))
	set("hash of the API key", "sha256:"+hex.EncodeToString(sum[:]))
	set("session key of the configuration", st.Key.Reveal())
	_, ticket, _ := strings.Cut(st.ConnectLink(t, "box"), "ticket=")
	set("ticket", ticket)
	st.pending = consented(st.victim, "ada")
	set("login cookie", loginCookieOf(st.victim, st.pending.Get("state")))
	set("state", st.pending.Get("state"))
	if st.implicit() {
		set("token of the fragment", st.pending.Get("access_token"))
		return
	}
	set("authorization code", st.pending.Get("code"))
	set("used code", spent.Get("code"))
	calls := st.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAccounts, Path: "/api/token"}})
	for name, form := range map[string]string{"refresh token": "refresh_token", "verifier": "code_verifier"} {
		found := regexp.MustCompile(`(?:^|&)` + form + `=([^&]+)`)
		for _, call := range calls {
			if match := found.FindStringSubmatch(call.Body); match != nil && strings.HasPrefix(call.Token, "ada/") {
				value, err := url.QueryUnescape(match[1])
				if err != nil {
					t.Fatal(err)
				}
				st.values[name] = value
			}
		}
		set(name, st.values[name])
	}
	if st.flow == flows.FlowCode {
		set("client secret", stage.ClientSecret)
	}
}

// tryAt puts every value that does not belong there to a place.
func (st *swapTrial) tryAt(class *attacks, p swapPlace) {
	st.T.Helper()
	for name, value := range st.values {
		if slices.Contains(p.belong, name) {
			continue
		}
		standing := func() any { return standingOf(st.loginTrial.World) }
		if p.spends {
			standing = func() any { return len(st.SessionKeys()) }
		}
		before := standing()
		a, refused := p.put(st, value)
		unchanged := standing() == before
		quiet := !strings.Contains(a.Body, value) && !strings.Contains(headerText(a.Header), value)
		class.expect(refused && unchanged && quiet, "%s, the %s as %s: answered %s", st.flow, name, p.name, short(a))
	}
	victim, attacker := st.userOf(st.victim), st.userOf(st.attacker)
	class.expect(victim == "ada" && attacker == "chloe",
		"%s, after the values as %s they are %q and %q", st.flow, p.name, victim, attacker)
}

// expectAllGood uses every value in its own place, where it must work: else the places would refuse whatever comes, and the
// table say nothing.
func (st *swapTrial) expectAllGood() {
	st.T.Helper()
	good := func(what string, held bool, a stage.Answer) {
		st.T.Helper()
		if !held {
			st.T.Errorf("%s: in its own place the %s answers %s", st.flow, what, short(a))
		}
	}
	for _, p := range swapPlaces(st.flow) {
		for _, name := range p.belong {
			if value, exists := st.values[name]; exists && !p.spends && name != "state" && name != "login cookie" &&
				name != "ticket" {
				a, refused := p.put(st, value)
				good(name, !refused, a)
			}
		}
	}
	other := st.loggedIn("ada")
	a := other.Do(http.MethodDelete, "/auth/sessions/"+st.values["handle"], "")
	good("handle", a.Status == http.StatusNoContent && st.userOf(st.victim) == "", a)
	a = st.arrive(st.victim, st.pending)
	good("state with its cookie and its code", hasArrived(a) && st.userOf(st.victim) == "ada", a)
	a = surfer(st.loginTrial.World).Do(http.MethodPost, "/auth/connect?ticket="+st.values["ticket"], "")
	good("ticket", a.Status == http.StatusSeeOther, a)
}

package attack

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// loginAttacks are tried with each of the flows. A class that a flow has nothing for tries nothing there.
var loginAttacks = []struct {
	class string
	try   func(*loginTrial, *attacks)
}{
	{"login CSRF", loginCSRF},
	{"code injection", codeInjection},
	{"state replay", stateReplay},
	{"state of another browser", stateOfAnother},
	{"doubled parameters", doubledParameters},
	{"another issuer", anotherIssuer},
	{"callback by another method", callbackByOthers},
	{"provider errors with markup", markupInErrors},
	{"forged host", forgedHost},
	{"session fixation", sessionFixation},
	{"session cookie tossing", sessionTossing},
	{"login cookie tossing", loginTossing},
}

// TestLoginAttacks tries every attack on a login with every flow, on two replicas that take turns.
func TestLoginAttacks(t *testing.T) {
	t.Parallel()
	counted := make([]*attacks, len(loginAttacks))
	for i, attack := range loginAttacks {
		counted[i] = newAttacks(t, attack.class)
	}
	for _, flow := range []string{flows.FlowCode, flows.FlowPKCE, flows.FlowImplicit} {
		t.Run(flow, func(t *testing.T) {
			t.Parallel()
			trial := &loginTrial{flow: flow, World: stage.NewWorld(t, stage.Options{
				Replicas: 2, Public: flow != flows.FlowCode, Implicit: flow == flows.FlowImplicit,
				Spotify: "flow: " + flow, Server: "trusted_proxies: [127.0.0.0/8]",
			})}
			for i, attack := range loginAttacks {
				attack.try(trial, counted[i])
			}
		})
	}
}

// loginCSRF opens the end of the attacker's login in the browsers of others, who would go on as the attacker.
func loginCSRF(lt *loginTrial, class *attacks) {
	during := surfer(lt.World)
	own := consented(during, "ada")
	loggedOut := lt.loggedIn("ada")
	loggedOut.Do(http.MethodPost, "/auth/logout", "")
	for name, victim := range map[string]*stage.Visitor{
		"a new browser": surfer(lt.World), "a browser that is logged in": lt.loggedIn("ada"),
		"a browser that is logging in": during, "a browser that has logged out": loggedOut,
	} {
		attacker := surfer(lt.World)
		back := consented(attacker, "chloe")
		before, user := standingOf(lt.World), lt.userOf(victim)
		for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"}} {
			a := lt.arrive(victim, back, headers...)
			now := lt.userOf(victim)
			class.expect(hasRefused(a) && now == user && standingOf(lt.World) == before,
				"%s, %s: the attacker's callback answered %s, the user is %q", lt.flow, name, short(a), now)
		}
		if a := lt.arrive(attacker, back); !hasArrived(a) {
			lt.T.Errorf("%s: in the attacker's own browser the callback answered %s", lt.flow, short(a))
		}
	}
	if a := lt.arrive(during, own); !hasArrived(a) || lt.userOf(during) != "ada" {
		lt.T.Errorf("%s: the victim's own login ended with %s", lt.flow, short(a))
	}
}

// codeInjection ends one login with the code of another. The implicit grant has no code: the holder of its token is its
// bearer, and no client can tell (RFC 9700 section 2.1.2).
func codeInjection(lt *loginTrial, class *attacks) {
	if lt.implicit() {
		return
	}
	victim, attacker := surfer(lt.World), surfer(lt.World)
	inject := func(name string, into *stage.Visitor, state, code string, calls int) {
		before, user, sessions := standingOf(lt.World), lt.userOf(into), len(lt.SessionKeys())
		a := lt.arrive(into, url.Values{"state": {state}, "code": {code}})
		now := lt.userOf(into)
		held := hasRefused(a) && now == user && len(lt.SessionKeys()) == sessions
		class.expect(held && standingOf(lt.World).tokenCalls == before.tokenCalls+calls,
			"%s, %s: answered %s, the user is %q", lt.flow, name, short(a), now)
	}
	stolen, own := consented(victim, "ada"), consented(attacker, "chloe")
	inject("a stolen code with the attacker's own state", attacker, own.Get("state"), stolen.Get("code"), 1)
	own = consented(victim, "ada")
	inject("the attacker's code with the victim's state", victim, own.Get("state"), consented(attacker, "chloe").Get("code"), 1)
	first, second := consented(attacker, "chloe"), consented(attacker, "chloe")
	inject("the code of another tab", attacker, first.Get("state"), second.Get("code"), 1)
	spent := consented(victim, "ada")
	if a := lt.arrive(victim, spent); !hasArrived(a) {
		lt.T.Fatalf("%s: a login ended with %s", lt.flow, short(a))
	}
	inject("a code that was used", attacker, consented(attacker, "chloe").Get("state"), spent.Get("code"), 1)
	inject("a code without a state", attacker, "", consented(victim, "ada").Get("code"), 0)
	inject("a code with a made-up state", attacker, stage.AState, consented(victim, "ada").Get("code"), 0)
	inject("no code", attacker, consented(attacker, "chloe").Get("state"), "", 0)
}

// stateReplay brings the same answer of the consent page more than once, one after the other and all at once.
func stateReplay(lt *loginTrial, class *attacks) {
	v := surfer(lt.World)
	back := consented(v, "ada")
	if a := lt.arrive(v, back); !hasArrived(a) {
		lt.T.Fatalf("%s: a login ended with %s", lt.flow, short(a))
	}
	before := standingOf(lt.World)
	for range 3 {
		a := lt.arrive(v, back)
		now := lt.userOf(v)
		class.expect(lt.hasLedBack(a) && now == "ada" && standingOf(lt.World) == before,
			"%s: a replay answered %s, the user is %q", lt.flow, short(a), now)
	}
	lt.replayElsewhere(class, v, back)
	v.Do(http.MethodPost, "/auth/logout", "")
	before = standingOf(lt.World)
	consented(surfer(lt.World), "ben")
	class.expect(standingOf(lt.World) == before, "%s: a login that has begun is in Redis", lt.flow)
	before = standingOf(lt.World)
	a := lt.arrive(v, back)
	class.expect(hasRefused(a) && lt.userOf(v) == "" && standingOf(lt.World) == before,
		"%s: a replay after the logout answered %s", lt.flow, short(a))

	const times = 12
	v = surfer(lt.World)
	back = consented(v, "ada")
	before = standingOf(lt.World)
	sessions := len(lt.SessionKeys())
	good := lt.arriveAtOnce(v, back, times)
	calls := standingOf(lt.World).tokenCalls - before.tokenCalls
	wantCalls := 1
	if lt.implicit() {
		wantCalls = 0
	}
	class.expect(good == 1 && calls == wantCalls && len(lt.SessionKeys()) == sessions+1 && lt.userOf(v) == "ada",
		"%s: of %d callbacks at once %d were good, with %d token calls", lt.flow, times, good, calls)
}

// arriveAtOnce brings one answer many times at the same moment, and returns how often it was good.
func (lt *loginTrial) arriveAtOnce(v *stage.Visitor, back url.Values, times int) (good int) {
	var (
		mu    sync.Mutex // guards good
		group sync.WaitGroup
	)
	for range times {
		group.Go(func() {
			a, err := lt.tryArrive(v, back.Encode())
			if err != nil || !hasArrived(a) && !hasRefused(a) && !lt.hasLedBack(a) {
				lt.T.Errorf("%s: one of many callbacks answered %s %v", lt.flow, short(a), err)
			}
			if hasArrived(a) {
				mu.Lock()
				defer mu.Unlock()
				good++
			}
		})
	}
	group.Wait()
	return good
}

// replayElsewhere brings a used state to browsers that are logged in as somebody else, with and without its cookie: nobody is
// led anywhere by the login of another browser.
func (lt *loginTrial) replayElsewhere(class *attacks, v *stage.Visitor, back url.Values) {
	name, value := loginCookie(back.Get("state")), loginCookieOf(v, back.Get("state"))
	other := lt.loggedIn("ben")
	own := consented(surfer(lt.World), "chloe") // whose cookie is another browser's
	before := standingOf(lt.World)
	for what, header := range map[string]string{
		"": "", "with an empty cookie": name + "=", "with a cut cookie": name + "=" + value[:len(value)-3],
		"with a longer cookie": name + "=" + value + "AAAA", "with its cookie under another name": loginCookie(own.Get("state")) + "=" + value,
	} {
		a := lt.arrive(other, back, "Cookie", cookies("stagedoor", cookie(other, "stagedoor"))+"; "+header)
		class.expect(hasRefused(a) && lt.userOf(other) == "ben" && standingOf(lt.World) == before,
			"%s: a replay in another browser %s answered %s", lt.flow, what, short(a))
	}
}

// stateOfAnother ends the victim's login in the attacker's browser, with what an attacker may have.
func stateOfAnother(lt *loginTrial, class *attacks) {
	began := surfer(lt.World)
	begun := consented(began, "chloe")
	for name, attacker := range map[string]*stage.Visitor{
		"a new browser": surfer(lt.World), "a browser with a login of its own": began,
		"a browser that is logged in": lt.loggedIn("chloe"),
	} {
		victim := lt.loggedIn("ada")
		sessionCookie := cookie(victim, "stagedoor")
		back := consented(victim, "ada")
		login, value := loginCookie(back.Get("state"))+"=", loginCookieOf(victim, back.Get("state"))
		before, user := standingOf(lt.World), lt.userOf(attacker)
		for _, headers := range [][]string{
			nil, {"Cookie", login + sessionCookie}, {"Cookie", login + back.Get("state")}, {"Cookie", login + stage.AState}, {"Cookie", login},
			{"Cookie", login + value[:len(value)-2]}, {"Cookie", login + value + "AA"}, {"Cookie", login + loginCookieOf(began, begun.Get("state"))},
			{"Cookie", loginCookie(begun.Get("state")) + "=" + value}, {"Cookie", "stagedoor-login=" + value}, {"Cookie", "stagedoor=" + value},
		} {
			a := lt.arrive(attacker, back, headers...)
			class.expect(hasRefused(a) && lt.userOf(attacker) == user && standingOf(lt.World) == before,
				"%s, %s %.24q: answered %s", lt.flow, name, headers, short(a))
		}
		if a := lt.arrive(victim, back); !hasArrived(a) {
			lt.T.Errorf("%s: in its own browser the login ended with %s", lt.flow, short(a))
		}
	}
}

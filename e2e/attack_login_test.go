package e2e

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

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
			trial := &loginTrial{flow: flow, world: newWorld(t, options{
				replicas: 2, public: flow != flows.FlowCode, implicit: flow == flows.FlowImplicit,
				spotify: "flow: " + flow, server: "trusted_proxies: [127.0.0.0/8]",
			})}
			for i, attack := range loginAttacks {
				attack.try(trial, counted[i])
			}
		})
	}
}

// loginCSRF opens the end of the attacker's login in the browsers of others, who would go on as the attacker.
func loginCSRF(lt *loginTrial, class *attacks) {
	during := lt.surfer()
	own := during.consented("ada")
	loggedOut := lt.loggedIn("ada")
	loggedOut.do(http.MethodPost, "/auth/logout", "")
	for name, victim := range map[string]*visitor{
		"a new browser": lt.surfer(), "a browser that is logged in": lt.loggedIn("ada"),
		"a browser that is logging in": during, "a browser that has logged out": loggedOut,
	} {
		attacker := lt.surfer()
		back := attacker.consented("chloe")
		before, user := lt.standing(), lt.userOf(victim)
		for _, headers := range [][]string{nil, {"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"}} {
			a := lt.arrive(victim, back, headers...)
			now := lt.userOf(victim)
			class.held(hasRefused(a) && now == user && lt.standing() == before,
				"%s, %s: the attacker's callback answered %s, the user is %q", lt.flow, name, a.short(), now)
		}
		if a := lt.arrive(attacker, back); !hasArrived(a) {
			lt.t.Errorf("%s: in the attacker's own browser the callback answered %s", lt.flow, a.short())
		}
	}
	if a := lt.arrive(during, own); !hasArrived(a) || lt.userOf(during) != "ada" {
		lt.t.Errorf("%s: the victim's own login ended with %s", lt.flow, a.short())
	}
}

// codeInjection ends one login with the code of another. The implicit grant has no code: whoever holds its token is its
// bearer, and no client can tell (RFC 9700 section 2.1.2).
func codeInjection(lt *loginTrial, class *attacks) {
	if lt.implicit() {
		return
	}
	victim, attacker := lt.surfer(), lt.surfer()
	inject := func(name string, into *visitor, state, code string, calls int) {
		before, user, sessions := lt.standing(), lt.userOf(into), len(lt.sessionKeys())
		a := lt.arrive(into, url.Values{"state": {state}, "code": {code}})
		now := lt.userOf(into)
		held := hasRefused(a) && now == user && len(lt.sessionKeys()) == sessions
		class.held(held && lt.standing().tokenCalls == before.tokenCalls+calls,
			"%s, %s: answered %s, the user is %q", lt.flow, name, a.short(), now)
	}
	stolen, own := victim.consented("ada"), attacker.consented("chloe")
	inject("a stolen code with the attacker's own state", attacker, own.Get("state"), stolen.Get("code"), 1)
	own = victim.consented("ada")
	inject("the attacker's code with the victim's state", victim, own.Get("state"), attacker.consented("chloe").Get("code"), 1)
	first, second := attacker.consented("chloe"), attacker.consented("chloe")
	inject("the code of another tab", attacker, first.Get("state"), second.Get("code"), 1)
	spent := victim.consented("ada")
	if a := lt.arrive(victim, spent); !hasArrived(a) {
		lt.t.Fatalf("%s: a login ended with %s", lt.flow, a.short())
	}
	inject("a code that was used", attacker, attacker.consented("chloe").Get("state"), spent.Get("code"), 1)
	inject("a code without a state", attacker, "", victim.consented("ada").Get("code"), 0)
	inject("a code with a made-up state", attacker, aState, victim.consented("ada").Get("code"), 0)
	inject("no code", attacker, attacker.consented("chloe").Get("state"), "", 0)
}

// stateReplay brings the same answer of the consent page more than once, one after the other and all at once.
func stateReplay(lt *loginTrial, class *attacks) {
	v := lt.surfer()
	back := v.consented("ada")
	if a := lt.arrive(v, back); !hasArrived(a) {
		lt.t.Fatalf("%s: a login ended with %s", lt.flow, a.short())
	}
	before := lt.standing()
	for range 3 {
		a := lt.arrive(v, back)
		now := lt.userOf(v)
		class.held(lt.hasLedBack(a) && now == "ada" && lt.standing() == before,
			"%s: a replay answered %s, the user is %q", lt.flow, a.short(), now)
	}
	lt.replayElsewhere(class, v, back)
	v.do(http.MethodPost, "/auth/logout", "")
	before = lt.standing()
	lt.surfer().consented("ben")
	class.held(lt.standing() == before, "%s: a login that has begun is in Redis", lt.flow)
	before = lt.standing()
	a := lt.arrive(v, back)
	class.held(hasRefused(a) && lt.userOf(v) == "" && lt.standing() == before,
		"%s: a replay after the logout answered %s", lt.flow, a.short())

	const times = 12
	v = lt.surfer()
	back = v.consented("ada")
	before = lt.standing()
	sessions := len(lt.sessionKeys())
	good := lt.arriveAtOnce(v, back, times)
	calls := lt.standing().tokenCalls - before.tokenCalls
	wantCalls := 1
	if lt.implicit() {
		wantCalls = 0
	}
	class.held(good == 1 && calls == wantCalls && len(lt.sessionKeys()) == sessions+1 && lt.userOf(v) == "ada",
		"%s: of %d callbacks at once %d were good, with %d token calls", lt.flow, times, good, calls)
}

// arriveAtOnce brings one answer many times at the same moment, and returns how often it was good.
func (lt *loginTrial) arriveAtOnce(v *visitor, back url.Values, times int) (good int) {
	var (
		mu    sync.Mutex // guards good
		group sync.WaitGroup
	)
	for range times {
		group.Go(func() {
			a, err := lt.tryArrive(v, back.Encode())
			if err != nil || !hasArrived(a) && !hasRefused(a) && !lt.hasLedBack(a) {
				lt.t.Errorf("%s: one of many callbacks answered %s %v", lt.flow, a.short(), err)
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
func (lt *loginTrial) replayElsewhere(class *attacks, v *visitor, back url.Values) {
	name, value := loginCookie(back.Get("state")), v.loginCookie(back.Get("state"))
	other := lt.loggedIn("ben")
	own := lt.surfer().consented("chloe") // whose cookie is another browser's
	before := lt.standing()
	for what, header := range map[string]string{
		"": "", "with an empty cookie": name + "=", "with a cut cookie": name + "=" + value[:len(value)-3],
		"with a longer cookie": name + "=" + value + "AAAA", "with its cookie under another name": loginCookie(own.Get("state")) + "=" + value,
	} {
		a := lt.arrive(other, back, "Cookie", cookies("stagedoor", other.cookie("stagedoor"))+"; "+header)
		class.held(hasRefused(a) && lt.userOf(other) == "ben" && lt.standing() == before,
			"%s: a replay in another browser %s answered %s", lt.flow, what, a.short())
	}
}

// stateOfAnother ends the victim's login in the attacker's browser, with what an attacker may have.
func stateOfAnother(lt *loginTrial, class *attacks) {
	began := lt.surfer()
	begun := began.consented("chloe")
	for name, attacker := range map[string]*visitor{
		"a new browser": lt.surfer(), "a browser with a login of its own": began,
		"a browser that is logged in": lt.loggedIn("chloe"),
	} {
		victim := lt.loggedIn("ada")
		sessionCookie := victim.cookie("stagedoor")
		back := victim.consented("ada")
		login, value := loginCookie(back.Get("state"))+"=", victim.loginCookie(back.Get("state"))
		before, user := lt.standing(), lt.userOf(attacker)
		for _, headers := range [][]string{
			nil, {"Cookie", login + sessionCookie}, {"Cookie", login + back.Get("state")}, {"Cookie", login + aState}, {"Cookie", login},
			{"Cookie", login + value[:len(value)-2]}, {"Cookie", login + value + "AA"}, {"Cookie", login + began.loginCookie(begun.Get("state"))},
			{"Cookie", loginCookie(begun.Get("state")) + "=" + value}, {"Cookie", "stagedoor-login=" + value}, {"Cookie", "stagedoor=" + value},
		} {
			a := lt.arrive(attacker, back, headers...)
			class.held(hasRefused(a) && lt.userOf(attacker) == user && lt.standing() == before,
				"%s, %s %.24q: answered %s", lt.flow, name, headers, a.short())
		}
		if a := lt.arrive(victim, back); !hasArrived(a) {
			lt.t.Errorf("%s: in its own browser the login ended with %s", lt.flow, a.short())
		}
	}
}

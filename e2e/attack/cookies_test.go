package attack

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// sessionFixation plants a session id in the victim's browser before the victim logs in.
func sessionFixation(lt *loginTrial, class *attacks) {
	handle := func(v *stage.Visitor) string { _, own, _ := v.Sessions(); return own }
	other := lt.loggedIn("ben")
	for name, id := range map[string]string{
		"looks like one": "attackerattackerattackerattackerattackerabc", "zeros": stage.AState, "short": "x", "empty": "",
		"a handle": handle(other), "long": strings.Repeat("A", 3000), "dots": "..", "a path": "../../etc/passwd",
		"a state": consented(surfer(lt.World), "chloe").Get("state"),
	} {
		victim, attacker := surfer(lt.World), surfer(lt.World)
		plant(victim, "stagedoor", id, "/")
		plant(attacker, "stagedoor", id, "/")
		before := standingOf(lt.World)
		class.expect(lt.userOf(victim) == "" && standingOf(lt.World) == before, "%s, %s: the unknown id is somebody", lt.flow, name)
		a := lt.arrive(victim, consented(victim, "ada"))
		who := lt.userOf(attacker)
		class.expect(hasArrived(a) && cookie(victim, "stagedoor") != id && lt.userOf(victim) == "ada" && who == "",
			"%s, %s: the login answered %d, the attacker is %q", lt.flow, name, a.Status, who)
	}
	for name, plantFirst := range map[string]bool{"before the login": true, "before the callback": false} {
		attacker := lt.loggedIn("chloe")
		id, elsewhere := cookie(attacker, "stagedoor"), surfer(lt.World)
		plant(elsewhere, "stagedoor", id, "/")
		victim := surfer(lt.World)
		if plantFirst {
			plant(victim, "stagedoor", id, "/")
		}
		back := consented(victim, "ada")
		plant(victim, "stagedoor", id, "/")
		a := lt.arrive(victim, back)
		class.expect(hasArrived(a) && lt.userOf(victim) == "ada" && cookie(victim, "stagedoor") != id,
			"%s, a live id %s: the login answered %s", lt.flow, name, short(a))
		who := lt.userOf(attacker) + lt.userOf(elsewhere)
		class.expect(who == "", "%s, a live id %s: the attacker is %q", lt.flow, name, who)
	}
	victim, elsewhere := lt.loggedIn("ada"), surfer(lt.World)
	plant(elsewhere, "stagedoor", cookie(victim, "stagedoor"), "/")
	back, returning := consented(victim, "ada"), surfer(lt.World) // as with SameSite=Strict: the login cookie alone comes back
	plant(returning, loginCookie(back.Get("state")), loginCookieOf(victim, back.Get("state")), "/")
	a := lt.arrive(returning, back)
	class.expect(hasArrived(a) && lt.userOf(elsewhere) == "",
		"%s, a copied id: outlives a login whose callback has no session cookie", lt.flow)
}

// sessionTossing sends two session cookies, as a browser does in which a neighbour has planted one beside the true one.
func sessionTossing(lt *loginTrial, class *attacks) {
	victim, attacker := lt.loggedIn("ada"), lt.loggedIn("chloe")
	own, planted := cookie(victim, "stagedoor"), cookie(attacker, "stagedoor")
	pairs := map[string]string{
		"the planted one last":       cookies("stagedoor", own, "stagedoor", planted),
		"the planted one first":      cookies("stagedoor", planted, "stagedoor", own),
		"the true one twice":         cookies("stagedoor", own, "stagedoor", planted, "stagedoor", own),
		"an unknown one":             cookies("stagedoor", own, "stagedoor", stage.AState),
		"an unknown one first":       cookies("stagedoor", stage.AState, "stagedoor", own),
		"an empty one":               cookies("stagedoor", "", "stagedoor", own),
		"one in quotes":              cookies("stagedoor", own, "stagedoor", `"`+planted+`"`),
		"a blank before the =":       cookies("stagedoor", own, "stagedoor ", planted),
		"without a blank in between": "stagedoor=" + planted + ";stagedoor=" + own,
	}
	reads := []struct{ method, path string }{
		{http.MethodGet, "/api/me"}, {http.MethodPut, "/api/me/player/pause"}, {http.MethodGet, "/auth/verify"},
		{http.MethodGet, "/auth/sessions"}, {http.MethodDelete, "/auth/sessions/0123456789abcdef"},
	}
	before := standingOf(lt.World)
	for name, header := range pairs {
		if lt.flow != flows.FlowCode { // a session is one, however it began
			break
		}
		v := surfer(lt.World)
		for _, r := range reads {
			a := v.Do(r.method, r.path, "", "Cookie", header)
			class.expect(a.Status == http.StatusUnauthorized && a.Reason() == "LOGIN_REQUIRED" && standingOf(lt.World) == before,
				"%s, %s, %s %s: answered %s", lt.flow, name, r.method, r.path, short(a))
		}
		a := v.Get("/auth/session", "Cookie", header)
		class.expect(strings.Contains(a.Body, `"authenticated":false`), "%s, %s: the session is %s", lt.flow, name, a.Body)
	}
	lt.tossedByPath(class)
	lt.tossedLogout(class)
}

// tossedByPath plants a cookie whose path is narrower than the true one's: browsers send it first, there alone, and no
// login replaces it.
func (lt *loginTrial) tossedByPath(class *attacks) {
	for _, path := range []string{"/api", "/api/me", "/auth", "/auth/session"} {
		victim, attacker := lt.loggedIn("ada"), lt.loggedIn("chloe")
		plant(victim, "stagedoor", cookie(attacker, "stagedoor"), path)
		for range 2 {
			who, a := victim.Status().User.ID, victim.Get("/api/me")
			class.expect(who != "chloe" && !strings.Contains(a.Body, "chloe"),
				"%s, a cookie for %s: the victim is %q and reads %s", lt.flow, path, who, short(a))
			if a := lt.arrive(victim, consented(victim, "ada")); !hasArrived(a) { // a login does not help, and does not hurt
				lt.T.Errorf("%s, a cookie for %s: the login ended with %s", lt.flow, path, short(a))
			}
		}
		reachesLogin := path == "/auth"
		class.expect(!reachesLogin || lt.userOf(attacker) == "",
			"%s, a cookie for %s: the planted session outlives a login", lt.flow, path)
	}
}

// tossedLogout logs out with two cookies: what either of them names shall be over, and everywhere means everywhere.
func (lt *loginTrial) tossedLogout(class *attacks) {
	for _, everywhere := range []bool{false, true} {
		for _, plantedFirst := range []bool{false, true} {
			laptop, phone, attacker := lt.loggedIn("ada"), lt.loggedIn("ada"), lt.loggedIn("chloe")
			values := []string{"stagedoor", cookie(laptop, "stagedoor"), "stagedoor", cookie(attacker, "stagedoor")}
			if plantedFirst {
				values[1], values[3] = values[3], values[1]
			}
			path := "/auth/logout"
			if everywhere {
				path += "?everywhere=true"
			}
			a := surfer(lt.World).Do(http.MethodPost, path, "", "Cookie", cookies(values...))
			named, other := lt.userOf(laptop)+lt.userOf(attacker), lt.userOf(phone)
			class.expect(a.Status == http.StatusNoContent && named == "",
				"%s, %s: answered %d, and %q is left", lt.flow, path, a.Status, named)
			class.expect((other == "") == everywhere, "%s, %s: the other session is %q", lt.flow, path, other)
		}
	}
}

// loginTossing ends logins with two login cookies, one of which a neighbour has planted.
func loginTossing(lt *loginTrial, class *attacks) {
	victim, attacker := surfer(lt.World), surfer(lt.World)
	own, theirs := consented(victim, "ada"), consented(attacker, "chloe")
	ownName, theirName := loginCookie(own.Get("state")), loginCookie(theirs.Get("state"))
	ownCookie, planted := cookie(victim, ownName), cookie(attacker, theirName)
	before := standingOf(lt.World)
	for name, header := range map[string]string{
		"the planted one last":   cookies(ownName, ownCookie, ownName, planted, theirName, planted, theirName, ownCookie),
		"the planted one first":  cookies(ownName, planted, ownName, ownCookie, theirName, ownCookie, theirName, planted),
		"in quotes":              cookies(ownName, ownCookie, ownName, `"`+planted+`"`, theirName, planted, theirName, `"`+ownCookie+`"`),
		"in another case":        cookies(strings.ToUpper(theirName), planted, strings.ToUpper(ownName), ownCookie),
		"under the other name":   cookies("stagedoor", planted, "stagedoor", ownCookie),
		"under the old name":     cookies("stagedoor-login", planted, "stagedoor-login", ownCookie),
		"each under the other's": cookies(theirName, ownCookie, ownName, planted),
	} {
		v := surfer(lt.World)
		a := lt.arrive(v, theirs, "Cookie", header)
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, %s, the attacker's login: %s", lt.flow, name, short(a))
		a = lt.arrive(v, own, "Cookie", header)
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, %s, the victim's login: %s", lt.flow, name, short(a))
	}
	plant(victim, ownName, planted, "/auth")
	for _, back := range []url.Values{own, theirs} {
		a := lt.arrive(victim, back)
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, a login cookie for /auth: %s", lt.flow, short(a))
	}
	for v, back := range map[*stage.Visitor][]string{surfer(lt.World): {ownName, ownCookie, own.Encode()}, attacker: {theirName, planted, theirs.Encode()}} {
		plant(v, back[0], back[1], "/")
		if a := lt.arriveRaw(v, back[2]); !hasArrived(a) {
			lt.T.Errorf("%s: with one cookie the login ended with %s", lt.flow, short(a))
		}
	}
}

// TestCookieNamesOfHTTPS checks that on https no cookie counts that a browser would take from a neighbour: the name with
// the prefix alone is the gateway's. The second gateway shares the first one's sessions.
func TestCookieNamesOfHTTPS(t *testing.T) {
	t.Parallel()
	const name = "__Host-Http-stagedoor"
	lt := &loginTrial{World: stage.NewWorld(t, stage.Options{}), flow: flows.FlowCode}
	victim, attacker := lt.loggedIn("ada"), lt.loggedIn("ben")
	id, planted := cookie(victim, "stagedoor"), cookie(attacker, "stagedoor")
	https := lt.behindTLS()
	class := newAttacks(t, "cookies of neighbours on https")
	for _, other := range []string{
		"stagedoor", "__Host-stagedoor", "__Secure-stagedoor", "__Http-stagedoor", "__host-http-stagedoor",
		"__HOST-HTTP-STAGEDOOR",
		"Http-stagedoor", "__Host-Http-Stagedoor", "%5F%5FHost-Http-stagedoor", "__Host-Http-stagedoor-login", "",
		"__Host-Http-stagedoor-login-0123456789abcdef",
	} {
		v := surfer(lt.World)
		v.Origin = https
		a := v.Get("/api/me", "Cookie", cookies(other, id))
		class.expect(a.Status == http.StatusUnauthorized, "%s: answered %s", other, short(a))
		for _, header := range []string{cookies(other, planted, name, id), cookies(name, id, other, planted)} {
			a = v.Get("/api/me", "Cookie", header)
			class.expect(a.Status == http.StatusOK && strings.Contains(a.Body, `"id":"ada"`),
				"%s beside the true one: %s", other, short(a))
		}
	}
	v := surfer(lt.World)
	v.Origin = https
	a := v.Get("/auth/login")
	set := a.Header.Get("Set-Cookie")
	class.expect(regexp.MustCompile("^"+name+"-login-[0-9a-f]{16}=").MatchString(set) && strings.Contains(set, "Path=/;") && strings.Contains(set, "Secure") &&
		strings.Contains(set, "HttpOnly") && strings.Contains(set, "SameSite=Lax") && !strings.Contains(set, "Domain"),
		"the login cookie is %q", set)
}

// behindTLS starts a gateway that shares the sessions and has a public URL on https, and returns where it listens.
func (lt *loginTrial) behindTLS() string {
	lt.T.Helper()
	text, err := os.ReadFile(lt.Replicas[0].Config)
	if err != nil {
		lt.T.Fatal(err)
	}
	config := filepath.Join(lt.T.TempDir(), "config.yaml")
	public := "public_url: "
	stage.WriteFile(lt.T, config, strings.Replace(string(text), public+lt.Balancer.URL, public+"https://music.example", 1))
	return "http://" + stage.StartProcess(lt.T, config).Public()
}

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"stagedoor/flows"
)

// loginTrial is a world in which logins are attacked, with one of the flows.
type loginTrial struct {
	*world
	flow string
}

// surfer is a visitor who follows no redirect.
func (w *world) surfer() *visitor {
	v := w.visitor()
	v.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

// consented begins a login, agrees at the consent page as a user, and returns what the browser would now bring back.
func (v *visitor) consented(user string) url.Values {
	v.t.Helper()
	back, err := v.tryConsented(user, "/page")
	if err != nil {
		v.t.Fatal(err)
	}
	return back
}

// tryConsented is consented for goroutines, with a return_to.
func (v *visitor) tryConsented(user, returnTo string) (url.Values, error) {
	begun, err := v.try(http.MethodGet, "/auth/login?return_to="+url.QueryEscape(returnTo), "")
	if err != nil {
		return nil, err
	}
	page, form, found := strings.Cut(begun.header.Get("Location"), "?")
	if begun.status != http.StatusFound || !found || page != v.w.accounts.URL+"/authorize" {
		return nil, fmt.Errorf("GET /auth/login answered %s", begun.short())
	}
	response, err := v.client.Post(page, "application/x-www-form-urlencoded",
		strings.NewReader(form+"&decision=agree&user="+user))
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	callback, answered, found := strings.Cut(response.Header.Get("Location"), "?")
	if !found {
		callback, answered, found = strings.Cut(response.Header.Get("Location"), "#")
	}
	if !found || callback != v.w.balancer.URL+"/auth/callback" {
		return nil, fmt.Errorf("the consent page answered %d to %q", response.StatusCode, response.Header.Get("Location"))
	}
	return url.ParseQuery(answered)
}

// arrive brings what the consent page said to the gateway, as the visitor's browser does.
func (lt *loginTrial) arrive(v *visitor, back url.Values, headers ...string) answer {
	lt.t.Helper()
	return lt.arriveRaw(v, back.Encode(), headers...)
}

// arriveRaw is arrive for what no url.Values can say.
func (lt *loginTrial) arriveRaw(v *visitor, back string, headers ...string) answer {
	lt.t.Helper()
	a, err := lt.tryArrive(v, back, headers...)
	if err != nil {
		lt.t.Fatal(err)
	}
	return a
}

// tryArrive is arriveRaw for goroutines, which must not end the test.
func (lt *loginTrial) tryArrive(v *visitor, back string, headers ...string) (answer, error) {
	if lt.implicit() {
		return v.try(http.MethodPost, "/auth/fragment", back, append([]string{"Content-Type", formType}, headers...)...)
	}
	return v.try(http.MethodGet, "/auth/callback?"+back, "", headers...)
}

func (lt *loginTrial) implicit() bool { return lt.flow == flows.FlowImplicit }

// loggedIn is somebody in a browser of their own who has logged in.
func (lt *loginTrial) loggedIn(user string) *visitor {
	lt.t.Helper()
	v := lt.surfer()
	if a := lt.arrive(v, v.consented(user)); !hasArrived(a) || v.status().User.ID != user {
		lt.t.Fatalf("the login of %s ended with %s", user, a.short())
	}
	return v
}

// hasArrived tells whether an answer is the good end of a login.
func hasArrived(a answer) bool {
	return (a.status == http.StatusSeeOther || a.status == http.StatusOK) && len(a.header["Set-Cookie"]) == 1
}

// hasLedBack tells whether an answer leads a browser that is logged in to where its login has led before, and does nothing
// else. The login was begun with /page. A fragment is no navigation, so it is refused.
func (lt *loginTrial) hasLedBack(a answer) bool {
	if lt.implicit() {
		return hasRefused(a)
	}
	return a.status == http.StatusSeeOther && a.header.Get("Location") == "/page" && len(a.header["Set-Cookie"]) == 0
}

// hasRefused tells whether an answer is a clear no that leads nowhere and touches no cookie.
func hasRefused(a answer) bool {
	return a.status >= 400 && a.status < 500 && a.reason() != "" && a.header.Get("Location") == "" &&
		len(a.header["Set-Cookie"]) == 0
}

// short says what an answer is without its page.
func (a answer) short() string {
	return fmt.Sprintf("%d %s %s %.200s", a.status, a.reason(), a.header.Get("Location"), strings.TrimPrefix(a.body,
		"<!doctype html>"))
}

// standing is all that an attack could change outside of the attacker's browser.
type standing struct {
	redis           string // a digest of every key and value, but for the traces of deletions, which go by themselves, the quota's counts and a look at the store's health
	tokenCalls, api int
}

func (w *world) standing() standing {
	w.t.Helper()
	const script = `local keys = redis.call('KEYS', '*')
table.sort(keys)
local all = {}
for _, key in ipairs(keys) do
  if not string.find(key, ':deleted$') and not string.find(key, '{quota:', 1, true) and not string.find(key, ':probe-', 1, true) then all[#all + 1] = key .. '=' .. redis.call('DUMP', key) end
end
return redis.sha1hex(table.concat(all, '\n'))`
	digest, err := w.redis.Do("EVAL", script, "0")
	if err != nil {
		w.t.Fatal(err)
	}
	counts := w.spotify.Counts()
	calls := 0
	for _, count := range counts.TokenCalls {
		calls += count
	}
	return standing{redis: digest.(string), tokenCalls: calls, api: counts.API}
}

// userOf is who the visitor is to both replicas, once they agree; empty for nobody. One of them may hear a little later
// than the other what has become of a session.
func (lt *loginTrial) userOf(v *visitor) string {
	lt.t.Helper()
	defer lt.through(-1)
	var users []string
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		users = users[:0]
		for i := range lt.replicas {
			lt.through(i)
			users = append(users, v.status().User.ID)
		}
		if users = slices.Compact(users); len(users) == 1 {
			return users[0]
		}
	}
	return strings.Join(users, " or ")
}

// cookie returns the value of one of the visitor's cookies; empty when there is none.
func (v *visitor) cookie(name string) string {
	v.t.Helper()
	for _, c := range v.client.Jar.Cookies(v.home()) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// loginCookie is the name of the cookie that keeps the login state of a state.
func loginCookie(state string) string {
	sum := sha256.Sum256([]byte(state))
	return "stagedoor-login-" + hex.EncodeToString(sum[:])[:16]
}

// loginCookie returns the value of the cookie that keeps the login state of a state.
func (v *visitor) loginCookie(state string) string {
	v.t.Helper()
	value := v.cookie(loginCookie(state))
	if value == "" {
		v.t.Fatalf("there is no cookie %s", loginCookie(state))
	}
	return value
}

// plant puts a cookie into the visitor's browser.
func (v *visitor) plant(name, value, path string) {
	v.t.Helper()
	v.client.Jar.SetCookies(v.home(), []*http.Cookie{{Name: name, Value: value, Path: path}})
}

func (v *visitor) home() *url.URL {
	v.t.Helper()
	home, err := url.Parse(v.w.balancer.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	return home
}

// cookies writes a Cookie header of pairs of names and values.
func cookies(pairs ...string) string {
	var text []string
	for i := 0; i+1 < len(pairs); i += 2 {
		text = append(text, fmt.Sprintf("%s=%s", pairs[i], pairs[i+1]))
	}
	return strings.Join(text, "; ")
}

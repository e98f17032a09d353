package attack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// loginTrial is a world in which logins are attacked, with one of the flows.
type loginTrial struct {
	*stage.World
	flow string
}

// surfer is a visitor who follows no redirect.
func surfer(w *stage.World) *stage.Visitor {
	v := w.Visitor()
	v.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return v
}

// consented begins a login, agrees at the consent page as a user, and returns what the browser would now bring back.
func consented(v *stage.Visitor, user string) url.Values {
	v.T.Helper()
	back, err := tryConsented(v, user, "/page")
	if err != nil {
		v.T.Fatal(err)
	}
	return back
}

// tryConsented is consented for goroutines, with a return_to.
func tryConsented(v *stage.Visitor, user, returnTo string) (url.Values, error) {
	begun, err := v.Try(http.MethodGet, "/auth/login?return_to="+url.QueryEscape(returnTo), "")
	if err != nil {
		return nil, err
	}
	page, form, found := strings.Cut(begun.Header.Get("Location"), "?")
	if begun.Status != http.StatusFound || !found || page != v.W.Accounts.URL+"/authorize" {
		return nil, fmt.Errorf("GET /auth/login answered %s", short(begun))
	}
	response, err := v.Client.Post(page, "application/x-www-form-urlencoded",
		strings.NewReader(form+"&decision=agree&user="+user))
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	callback, answered, found := strings.Cut(response.Header.Get("Location"), "?")
	if !found {
		callback, answered, found = strings.Cut(response.Header.Get("Location"), "#")
	}
	if !found || callback != v.W.Balancer.URL+"/auth/callback" {
		return nil, fmt.Errorf("the consent page answered %d to %q", response.StatusCode, response.Header.Get("Location"))
	}
	return url.ParseQuery(answered)
}

// arrive brings what the consent page said to the gateway, as the visitor's browser does.
func (lt *loginTrial) arrive(v *stage.Visitor, back url.Values, headers ...string) stage.Answer {
	lt.T.Helper()
	return lt.arriveRaw(v, back.Encode(), headers...)
}

// arriveRaw is arrive for what no url.Values can say.
func (lt *loginTrial) arriveRaw(v *stage.Visitor, back string, headers ...string) stage.Answer {
	lt.T.Helper()
	a, err := lt.tryArrive(v, back, headers...)
	if err != nil {
		lt.T.Fatal(err)
	}
	return a
}

// tryArrive is arriveRaw for goroutines, which must not end the test.
func (lt *loginTrial) tryArrive(v *stage.Visitor, back string, headers ...string) (stage.Answer, error) {
	if lt.implicit() {
		return v.Try(http.MethodPost, "/auth/fragment", back, append([]string{"Content-Type", stage.FormType}, headers...)...)
	}
	return v.Try(http.MethodGet, "/auth/callback?"+back, "", headers...)
}

func (lt *loginTrial) implicit() bool { return lt.flow == flows.FlowImplicit }

// loggedIn is somebody in a browser of their own who has logged in.
func (lt *loginTrial) loggedIn(user string) *stage.Visitor {
	lt.T.Helper()
	v := surfer(lt.World)
	if a := lt.arrive(v, consented(v, user)); !hasArrived(a) || v.Status().User.ID != user {
		lt.T.Fatalf("the login of %s ended with %s", user, short(a))
	}
	return v
}

// hasArrived tells whether an answer is the good end of a login.
func hasArrived(a stage.Answer) bool {
	return (a.Status == http.StatusSeeOther || a.Status == http.StatusOK) && len(a.Header["Set-Cookie"]) == 1
}

// hasLedBack tells whether an answer leads a browser that is logged in to where its login has led before, and does nothing
// else. The login was begun with /page. A fragment is no navigation, so it is refused.
func (lt *loginTrial) hasLedBack(a stage.Answer) bool {
	if lt.implicit() {
		return hasRefused(a)
	}
	return a.Status == http.StatusSeeOther && a.Header.Get("Location") == "/page" && len(a.Header["Set-Cookie"]) == 0
}

// hasRefused tells whether an answer is a clear no that leads nowhere and touches no cookie.
func hasRefused(a stage.Answer) bool {
	return a.Status >= 400 && a.Status < 500 && a.Reason() != "" && a.Header.Get("Location") == "" &&
		len(a.Header["Set-Cookie"]) == 0
}

// short says what an answer is without its page.
func short(a stage.Answer) string {
	return fmt.Sprintf("%d %s %s %.200s", a.Status, a.Reason(), a.Header.Get("Location"), strings.TrimPrefix(a.Body,
		"<!doctype html>"))
}

// standing is all that an attack could change outside of the attacker's browser.
type standing struct {
	redis           string // a digest of every key and value, but for the traces of deletions, which go by themselves, the quota's counts and a look at the store's health
	tokenCalls, api int
}

func standingOf(w *stage.World) standing {
	w.T.Helper()
	const script = `local keys = redis.call('KEYS', '*')
table.sort(keys)
local all = {}
for _, key in ipairs(keys) do
  if not string.find(key, ':deleted$') and not string.find(key, '{quota:', 1, true) and not string.find(key, 'probe', 1, true) then all[#all + 1] = key .. '=' .. redis.call('DUMP', key) end
end
return redis.sha1hex(table.concat(all, '\n'))`
	digest, err := w.Redis.Do("EVAL", script, "0")
	if err != nil {
		w.T.Fatal(err)
	}
	counts := w.Spotify.Counts()
	calls := 0
	for _, count := range counts.TokenCalls {
		calls += count
	}
	return standing{redis: digest.(string), tokenCalls: calls, api: counts.API}
}

// userOf is who the visitor is to both replicas, once they agree; empty for nobody. One of them may hear a little later
// than the other what has become of a session.
func (lt *loginTrial) userOf(v *stage.Visitor) string {
	lt.T.Helper()
	defer lt.Through(-1)
	var users []string
	for deadline := time.Now().Add(stage.StartTime); time.Now().Before(deadline); {
		users = users[:0]
		for i := range lt.Replicas {
			lt.Through(i)
			users = append(users, v.Status().User.ID)
		}
		if users = slices.Compact(users); len(users) == 1 {
			return users[0]
		}
	}
	return strings.Join(users, " or ")
}

// cookie returns the value of one of the visitor's cookies; empty when there is none.
func cookie(v *stage.Visitor, name string) string {
	v.T.Helper()
	for _, c := range v.Client.Jar.Cookies(home(v)) {
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

// loginCookieOf returns the value of the cookie that keeps the login state of a state.
func loginCookieOf(v *stage.Visitor, state string) string {
	v.T.Helper()
	value := cookie(v, loginCookie(state))
	if value == "" {
		v.T.Fatalf("there is no cookie %s", loginCookie(state))
	}
	return value
}

// plant puts a cookie into the visitor's browser.
func plant(v *stage.Visitor, name, value, path string) {
	v.T.Helper()
	v.Client.Jar.SetCookies(home(v), []*http.Cookie{{Name: name, Value: value, Path: path}})
}

func home(v *stage.Visitor) *url.URL {
	v.T.Helper()
	home, err := url.Parse(v.W.Balancer.URL)
	if err != nil {
		v.T.Fatal(err)
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

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

const (
	// radio is an account that anybody may read from.
	radio      = "radio: {}"
	radioRoute = "{path: /radio/, upstream: spotify, credentials: account:radio, methods: [GET], " +
		"allow: [me/player/currently-playing]}"
	nowPlaying = "/radio/me/player/currently-playing"
)

var link = regexp.MustCompile(`http://\S+/auth/connect\?ticket=\S+`)

// connectLink lets the operator make a one-time link for an account.
func (w *world) connectLink(t *testing.T, account string) string {
	t.Helper()
	const scopes = "user-read-currently-playing user-modify-playback-state"
	printed := w.operate(t, "accounts", "connect", account, "-scope", scopes)
	found := link.FindString(printed)
	if !strings.HasPrefix(found, w.balancer.URL+"/auth/connect?ticket=") || !strings.Contains(printed, "10 minutes") {
		t.Fatalf("accounts connect prints\n%s", printed)
	}
	return found
}

// connect opens a link, presses the button of its page and goes on to the end, as a person does.
func (v *visitor) connect(link string) answer {
	v.t.Helper()
	page := v.open(link)
	if page.status != http.StatusOK || !strings.Contains(page.body, "Connect a Spotify account") {
		return page
	}
	return v.do(http.MethodPost, strings.TrimPrefix(link, v.w.balancer.URL), "")
}

// open follows a link to its page.
func (v *visitor) open(link string) answer {
	v.t.Helper()
	return v.get(strings.TrimPrefix(link, v.w.balancer.URL))
}

// connectAccount makes a user of the simulator's the owner of an account.
func (w *world) connectAccount(t *testing.T, account, owner string) {
	t.Helper()
	if err := w.spotify.SetConsent(simulator.Consent{User: owner}); err != nil {
		t.Fatal(err)
	}
	w.visitor().connect(w.connectLink(t, account)).expect(t, "the link", http.StatusOK, "", "The account is connected", owner)
}

// TestSharedAccount connects an account by its link and serves strangers with it, on three replicas, until it is removed.
func TestSharedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{
		replicas: 3, log: "debug", session: "refresh_before: 1h", // so that the token of a login is due at once
		accounts: radio, routes: pages{}.route(t, radioRoute, userRoute),
	})
	stranger := w.visitor()
	if said := stranger.onAllReplicas(nowPlaying); said != "401 REAUTHORIZATION_REQUIRED" {
		t.Errorf("before it is connected the replicas say %s", said)
	}
	if list := w.operate(t, "accounts", "list"); !regexp.MustCompile(`(?m)^radio +not connected`).MatchString(list) {
		t.Errorf("accounts list prints\n%s", list)
	}

	owner := w.visitor()
	if err := w.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	link := w.connectLink(t, "radio")
	for range 2 { // as a messenger does that shows what is behind a link
		w.visitor().open(link).expect(t, "the page of the link", http.StatusOK, "", "Connect a Spotify account", "radio")
	}
	path := strings.TrimPrefix(link, w.balancer.URL)
	if a := w.visitor().do(http.MethodHead, path, ""); a.status != http.StatusOK {
		t.Errorf("HEAD answered %d", a.status)
	}
	for _, foreign := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}} {
		w.visitor().do(http.MethodPost, path, "", foreign...).expect(t, "another site's form", http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	}
	owner.connect(link).expect(t, "the link", http.StatusOK, "", "The account is connected", "ada")
	if owner.status().Authenticated {
		t.Error("whoever connects an account is logged in")
	}
	w.visitor().connect(link).expect(t, "opened twice", http.StatusBadRequest, "INVALID_REQUEST",
		"has been used or is older than ten minutes", "stagedoor accounts connect")
	for _, replica := range w.replicas {
		if strings.Contains(replica.log(), link[strings.Index(link, "ticket="):]) {
			t.Error("the log holds the ticket")
		}
	}

	stranger.expectOneRefresh("while the token is due")
	stranger.login("ben") // whose cookie has no say on the route
	for _, v := range []*visitor{stranger, w.visitor()} {
		if said := v.onAllReplicas(nowPlaying); said != "200" {
			t.Errorf("once it is connected the replicas say %s", said)
		}
	}
	for _, label := range w.labels("/v1/me/player/currently-playing") {
		if !strings.HasPrefix(label, "ada/") {
			t.Errorf("Spotify was asked with the token %q", label)
		}
	}
	stranger.expectOnlyWhatIsAllowed()

	w.spotify.ForgetSeen()
	w.spotify.ExpireAccessTokens()
	stranger.expectOneRefresh("when the token has expired")
	w.redis.Advance(30 * 24 * time.Hour) // nobody need use an account for it to stay
	if said := stranger.onAllReplicas(nowPlaying); said != "200" {
		t.Errorf("after a month the replicas say %s", said)
	}
	if list := w.operate(t, "accounts", "list"); !regexp.MustCompile(`(?m)^radio +"ada" +20\d\d-`).MatchString(list) {
		t.Errorf("accounts list prints\n%s", list)
	}
	if said := w.operate(t, "accounts", "remove", "radio"); !strings.Contains(said, "not connected any more") {
		t.Errorf("accounts remove says %q", said)
	}
	stranger.awaitOnAllReplicas("once it is removed", nowPlaying, "401 REAUTHORIZATION_REQUIRED")
}

// expectOneRefresh sends sixty calls over all replicas at once.
func (v *visitor) expectOneRefresh(when string) {
	v.t.Helper()
	if statuses := v.storm(60, nowPlaying); statuses[http.StatusOK] != 60 {
		v.t.Errorf("%s the answers are %v, want 60 times 200", when, statuses)
	}
	if calls := v.w.spotify.Counts().TokenCalls["refresh_token"]; calls != 1 {
		v.t.Errorf("%s there are %d refreshes, want one", when, calls)
	}
}

// expectOnlyWhatIsAllowed tries what radioRoute does not allow.
func (v *visitor) expectOnlyWhatIsAllowed() {
	v.t.Helper()
	for _, c := range []struct {
		method, path, reason string
		status               int
	}{
		{http.MethodPut, nowPlaying, "METHOD_REFUSED", http.StatusMethodNotAllowed},
		{http.MethodHead, nowPlaying, "METHOD_REFUSED", http.StatusMethodNotAllowed},
		{http.MethodGet, "/radio/me", "PATH_REFUSED", http.StatusNotFound},
		{http.MethodDelete, "/radio/me", "PATH_REFUSED", http.StatusNotFound},
		{http.MethodGet, nowPlaying + "/x", "PATH_REFUSED", http.StatusNotFound},
	} {
		v.do(c.method, c.path, "").expect(v.t, c.method+" "+c.path, c.status, c.reason)
	}
}

// TestAccountWhoseGrantEnded checks that Spotify's end of a grant is told, and mended by another link.
func TestAccountWhoseGrantEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 2, accounts: radio, routes: pages{}.route(t, radioRoute)})
	w.connectAccount(t, "radio", "ada")
	if _, err := w.spotify.RevokeUser("ada"); err != nil {
		t.Fatal(err)
	}
	v := w.visitor()
	for range 2 { // found out, and then known
		a := v.get(nowPlaying)
		a.expect(t, "a grant that has ended", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED", "accounts connect")
		if strings.Contains(a.body, "login_url") {
			t.Errorf("a login of the visitor's would not help: %s", a.body)
		}
	}
	if list := w.operate(t, "accounts", "list"); !strings.Contains(list, "ended by Spotify") {
		t.Errorf("accounts list prints\n%s", list)
	}
	w.connectAccount(t, "radio", "chloe")
	v.awaitOnAllReplicas("connected again", nowPlaying, "204") // nothing plays there
}

// TestConnectLinksThatFail opens links that are too old, made up, asked for by a script, or answered with no.
func TestConnectLinksThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: radio, routes: pages{}.route(t, radioRoute)})
	if err := w.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	v := w.visitor()
	old := w.connectLink(t, "radio")
	for _, key := range w.keys("*{ticket:*") {
		if _, err := w.redis.Do("PEXPIRE", key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	sessiontest.Eventually(t, startTime, "the ticket is gone", func() bool { return len(w.keys("*{ticket:*")) == 0 })
	fresh := w.connectLink(t, "radio")
	for name, address := range map[string]string{
		"expired": old, "no ticket": w.balancer.URL + "/auth/connect", "made up": fresh + "x",
		"doubled": fresh + "&ticket=x", "the word": w.balancer.URL + "/auth/connect?ticket=" + strings.Repeat("A", 43),
	} {
		a := v.open(address)
		a.expect(t, name, http.StatusBadRequest, "INVALID_REQUEST", "<!doctype html>")
	}
	path := strings.TrimPrefix(fresh, w.balancer.URL)
	if a := v.get(path, "Sec-Fetch-Mode", "cors"); a.status != http.StatusBadRequest {
		t.Errorf("a script's GET answered %d %s", a.status, a.body)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		if a := v.do(method, path, ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s answered %d", method, a.status)
		}
	}

	if err := w.spotify.SetConsent(simulator.Consent{Decision: simulator.DecisionCancel}); err != nil {
		t.Fatal(err)
	}
	// What failed above has not used the link up.
	v.connect(fresh).expect(t, "a no at the consent page", http.StatusForbidden, "ACCESS_DENIED")
	if said := v.onAllReplicas(nowPlaying); said != "401 REAUTHORIZATION_REQUIRED" {
		t.Errorf("nobody has consented, and the replicas say %s", said)
	}
}

// TestConnectFinishesInItsOwnBrowser carries the callback of a link to another browser.
func TestConnectFinishesInItsOwnBrowser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: radio, routes: pages{}.route(t, radioRoute)})
	if err := w.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	owner, other := w.visitor(), w.visitor()
	link := w.connectLink(t, "radio")
	surfer := *owner.client
	surfer.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	pressed := &visitor{t: t, w: w, origin: owner.origin, client: &surfer}
	consent := pressed.do(http.MethodPost, strings.TrimPrefix(link, w.balancer.URL), "").header.Get("Location")
	if !strings.Contains(consent, "show_dialog=true") || !strings.Contains(consent, "user-read-currently-playing") {
		t.Errorf("the link leads to %s", consent)
	}
	callback, _ := owner.step(consent)
	if a := other.open(callback); a.status != http.StatusBadRequest {
		t.Errorf("in another browser the callback answered %d %s", a.status, a.body)
	}
	if a := owner.open(callback); a.status != http.StatusOK {
		t.Errorf("in its own browser the callback answered %d %s", a.status, a.body)
	}
}

// TestAccountRoutesThatAreRefused checks that no route opens a whole account by leaving something out.
func TestAccountRoutesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{accounts: radio, routes: pages{}.route(t, radioRoute)})
	good, err := os.ReadFile(w.replicas[0].config)
	if err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "config.yaml")
	for name, c := range map[string]struct{ from, to, want string }{
		"no methods":        {"methods: [GET], ", "", "must list its methods"},
		"no allow":          {", allow: [me/player/currently-playing]", "", "must list the paths"},
		"POST without keys": {"[GET]", "[GET, POST]", "a route without API keys is public and may only read"},
		"unknown account":   {"account:radio", "account:television", `no account "television"`},
		"no name":           {"account:radio", `"account:"`, "account:NAME"},
		"a strange name":    {radio, `"radio 4": {}`, "64 letters"},
		"no keys file":      {radio, "radio: {api_keys_file: nowhere.txt}", "nowhere.txt"},
		"an empty one":      {radio, "radio: {api_keys_file: empty.txt}", "holds no key"},
		"a bad hash":        {radio, "radio: {api_keys_file: hash.txt}", "hash.txt:2"},
		"a short key":       {radio, "radio: {api_keys_file: short.txt}", "short.txt:2: the key has fewer than 16 characters"},
	} {
		writeFile(t, filepath.Join(filepath.Dir(bad), "empty.txt"), "# nobody\n\n")
		writeFile(t, filepath.Join(filepath.Dir(bad), "hash.txt"), "# one\nsha256:beef\n")
		writeFile(t, filepath.Join(filepath.Dir(bad), "short.txt"), "# one\nk#9v4c2\n")
		writeFile(t, bad, strings.Replace(string(good), c.from, c.to, 1))
		for _, command := range []string{"check", "serve"} {
			code, _, stderr := stagedoor(t, nil, command, "-config", bad)
			if code != 2 || !strings.Contains(stderr, c.want) {
				t.Errorf("%s, %s: code %d, %s; want code 2 and %q", name, command, code, stderr, c.want)
			}
		}
	}
}

package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestSharedAccount connects an account by its link and serves strangers with it, on three replicas, until it is removed.
func TestSharedAccount(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{
		Replicas: 3, Log: "debug", Session: "refresh_before: 1h", // so that the token of a login is due at once
		Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute, stage.UserRoute),
	})
	stranger := w.Visitor()
	if said := stranger.OnAllReplicas(stage.NowPlaying); said != "401 REAUTHORIZATION_REQUIRED" {
		t.Errorf("before it is connected the replicas say %s", said)
	}
	if list := w.Operate(t, "accounts", "list"); !regexp.MustCompile(`(?m)^radio +not connected`).MatchString(list) {
		t.Errorf("accounts list prints\n%s", list)
	}

	owner := w.Visitor()
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	link := w.ConnectLink(t, "radio")
	for range 2 { // as a messenger does that shows what is behind a link
		w.Visitor().Open(link).Expect(t, "the page of the link", http.StatusOK, "", "Connect a Spotify account", "radio")
	}
	path := strings.TrimPrefix(link, w.Balancer.URL)
	if a := w.Visitor().Do(http.MethodHead, path, ""); a.Status != http.StatusOK {
		t.Errorf("HEAD answered %d", a.Status)
	}
	for _, foreign := range [][]string{{"Origin", "https://evil.example"}, {"Origin", "null"}} {
		w.Visitor().Do(http.MethodPost, path, "", foreign...).Expect(t, "another site's form", http.StatusForbidden, "CROSS_ORIGIN_REFUSED")
	}
	owner.Connect(link).Expect(t, "the link", http.StatusOK, "", "The account is connected", "ada")
	if owner.Status().Authenticated {
		t.Error("whoever connects an account is logged in")
	}
	w.Visitor().Connect(link).Expect(t, "opened twice", http.StatusBadRequest, "INVALID_REQUEST",
		"has been used or is older than ten minutes", "stagedoor accounts connect")
	for _, replica := range w.Replicas {
		if strings.Contains(replica.Log(), link[strings.Index(link, "ticket="):]) {
			t.Error("the log holds the ticket")
		}
	}

	expectOneRefresh(stranger, "while the token is due")
	stranger.Login("ben") // whose cookie has no say on the route
	for _, v := range []*stage.Visitor{stranger, w.Visitor()} {
		if said := v.OnAllReplicas(stage.NowPlaying); said != "200" {
			t.Errorf("once it is connected the replicas say %s", said)
		}
	}
	for _, label := range w.Labels("/v1/me/player/currently-playing") {
		if !strings.HasPrefix(label, "ada/") {
			t.Errorf("Spotify was asked with the token %q", label)
		}
	}
	expectOnlyWhatIsAllowed(stranger)

	w.Spotify.ForgetSeen()
	w.Spotify.ExpireAccessTokens()
	expectOneRefresh(stranger, "when the token has expired")
	w.Redis.Advance(30 * 24 * time.Hour) // an account stays without being used
	if said := stranger.OnAllReplicas(stage.NowPlaying); said != "200" {
		t.Errorf("after a month the replicas say %s", said)
	}
	// The account has what -scope says, and no more.
	granted := regexp.MustCompile(`(?m)^radio +"ada" +20\d\d-\S+ +user-read-currently-playing user-read-playback-state user-modify-playback-state$`)
	if list := w.Operate(t, "accounts", "list"); !granted.MatchString(list) {
		t.Errorf("accounts list prints\n%s", list)
	}
	if said := w.Operate(t, "accounts", "remove", "radio"); !strings.Contains(said, "not connected any more") {
		t.Errorf("accounts remove says %q", said)
	}
	stranger.AwaitOnAllReplicas("once it is removed", stage.NowPlaying, "401 REAUTHORIZATION_REQUIRED")
}

// expectOneRefresh sends sixty calls over all replicas at once.
func expectOneRefresh(v *stage.Visitor, when string) {
	v.T.Helper()
	if statuses := storm(v, 60, stage.NowPlaying); statuses[http.StatusOK] != 60 {
		v.T.Errorf("%s the answers are %v, want 60 times 200", when, statuses)
	}
	if calls := v.W.Spotify.Counts().TokenCalls["refresh_token"]; calls != 1 {
		v.T.Errorf("%s there are %d refreshes, want one", when, calls)
	}
}

// expectOnlyWhatIsAllowed tries what radioRoute does not allow.
func expectOnlyWhatIsAllowed(v *stage.Visitor) {
	v.T.Helper()
	for _, c := range []struct {
		method, path, reason string
		status               int
	}{
		{http.MethodPut, stage.NowPlaying, "METHOD_REFUSED", http.StatusMethodNotAllowed},
		{http.MethodHead, stage.NowPlaying, "METHOD_REFUSED", http.StatusMethodNotAllowed},
		{http.MethodGet, "/radio/me", "PATH_REFUSED", http.StatusNotFound},
		{http.MethodDelete, "/radio/me", "PATH_REFUSED", http.StatusNotFound},
		{http.MethodGet, stage.NowPlaying + "/x", "PATH_REFUSED", http.StatusNotFound},
	} {
		v.Do(c.method, c.path, "").Expect(v.T, c.method+" "+c.path, c.status, c.reason)
	}
}

// TestAccountWhoseGrantEnded checks that Spotify's end of a grant is told, and mended by another link.
func TestAccountWhoseGrantEnded(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 2, Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute)})
	w.ConnectAccount(t, "radio", "ada")
	if _, err := w.Spotify.RevokeUser("ada"); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	for range 2 { // found out, and then known
		a := v.Get(stage.NowPlaying)
		a.Expect(t, "a grant that has ended", http.StatusUnauthorized, "REAUTHORIZATION_REQUIRED", "accounts connect")
		if strings.Contains(a.Body, "login_url") {
			t.Errorf("a login of the visitor's would not help: %s", a.Body)
		}
	}
	if list := w.Operate(t, "accounts", "list"); !strings.Contains(list, "ended by Spotify") {
		t.Errorf("accounts list prints\n%s", list)
	}
	w.ConnectAccount(t, "radio", "chloe")
	v.AwaitOnAllReplicas("connected again", stage.NowPlaying, "204") // nothing plays there
}

// TestConnectLinksThatFail opens links that are too old, made up, asked for by a script, or answered with no.
func TestConnectLinksThatFail(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute)})
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	old := w.ConnectLink(t, "radio")
	for _, key := range w.Keys("*{ticket:*") {
		if _, err := w.Redis.Do("PEXPIRE", key, "1"); err != nil {
			t.Fatal(err)
		}
	}
	sessiontest.Eventually(t, stage.StartTime, "the ticket is gone", func() bool { return len(w.Keys("*{ticket:*")) == 0 })
	fresh := w.ConnectLink(t, "radio")
	for name, address := range map[string]string{
		"expired": old, "no ticket": w.Balancer.URL + "/auth/connect", "made up": fresh + "x",
		"doubled": fresh + "&ticket=x", "the word": w.Balancer.URL + "/auth/connect?ticket=" + strings.Repeat("A", 43),
	} {
		a := v.Open(address)
		a.Expect(t, name, http.StatusBadRequest, "INVALID_REQUEST", "<!doctype html>")
	}
	path := strings.TrimPrefix(fresh, w.Balancer.URL)
	if a := v.Get(path, "Sec-Fetch-Mode", "cors"); a.Status != http.StatusBadRequest {
		t.Errorf("a script's GET answered %d %s", a.Status, a.Body)
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		if a := v.Do(method, path, ""); a.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s answered %d", method, a.Status)
		}
	}

	if err := w.Spotify.SetConsent(simulator.Consent{Decision: simulator.DecisionCancel}); err != nil {
		t.Fatal(err)
	}
	// What failed above has not used the link up.
	v.Connect(fresh).Expect(t, "a no at the consent page", http.StatusForbidden, "ACCESS_DENIED")
	if said := v.OnAllReplicas(stage.NowPlaying); said != "401 REAUTHORIZATION_REQUIRED" {
		t.Errorf("nobody has consented, and the replicas say %s", said)
	}
}

// TestConnectFinishesInItsOwnBrowser carries the callback of a link to another browser.
func TestConnectFinishesInItsOwnBrowser(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute)})
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	owner, other := w.Visitor(), w.Visitor()
	link := w.ConnectLink(t, "radio")
	surfer := *owner.Client
	surfer.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	pressed := &stage.Visitor{T: t, W: w, Origin: owner.Origin, Client: &surfer}
	consent := pressed.Do(http.MethodPost, strings.TrimPrefix(link, w.Balancer.URL), "").Header.Get("Location")
	if !strings.Contains(consent, "show_dialog=true") || !strings.Contains(consent, "user-read-currently-playing") {
		t.Errorf("the link leads to %s", consent)
	}
	callback, _ := owner.Step(consent)
	if a := other.Open(callback); a.Status != http.StatusBadRequest {
		t.Errorf("in another browser the callback answered %d %s", a.Status, a.Body)
	}
	if a := owner.Open(callback); a.Status != http.StatusOK {
		t.Errorf("in its own browser the callback answered %d %s", a.Status, a.Body)
	}
}

// TestAccountRoutesThatAreRefused checks that no route opens a whole account by leaving something out.
func TestAccountRoutesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Accounts: stage.Radio, Routes: stage.Pages{}.Route(t, stage.RadioRoute)})
	good, err := os.ReadFile(w.Replicas[0].Config)
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
		"a strange name":    {stage.Radio, `"radio 4": {}`, "64 letters"},
		"no keys file":      {stage.Radio, "radio: {api_keys_file: nowhere.txt}", "nowhere.txt"},
		"an empty one":      {stage.Radio, "radio: {api_keys_file: empty.txt}", "holds no key"},
		"a bad hash":        {stage.Radio, "radio: {api_keys_file: hash.txt}", "hash.txt:2"},
		"a short key":       {stage.Radio, "radio: {api_keys_file: short.txt}", "short.txt:2: the key has fewer than 16 characters"},
	} {
		stage.WriteFile(t, filepath.Join(filepath.Dir(bad), "empty.txt"), "# nobody\n\n")
		stage.WriteFile(t, filepath.Join(filepath.Dir(bad), "hash.txt"), "# one\nsha256:beef\n")
		stage.WriteFile(t, filepath.Join(filepath.Dir(bad), "short.txt"), "# one\nk#9v4c2\n")
		stage.WriteFile(t, bad, strings.Replace(string(good), c.from, c.to, 1))
		for _, command := range []string{"check", "serve"} {
			code, _, stderr := stage.Stagedoor(t, nil, command, "-config", bad)
			if code != 2 || !strings.Contains(stderr, c.want) {
				t.Errorf("%s, %s: code %d, %s; want code 2 and %q", name, command, code, stderr, c.want)
			}
		}
	}
}

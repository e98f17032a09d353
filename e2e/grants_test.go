package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// grant is what can be done with a grant: a row of the table of Spotify's authorization guide
// (https://developer.spotify.com/documentation/web-api/concepts/authorization).
type grant struct {
	// Grant is its name in the guide, and Key the spotify.flow or route credentials that stand for it in config.yaml.
	Grant, Key string
	// UserResources tells whether its token speaks for a user.
	UserResources bool
	// Secret tells whether the client secret is needed.
	Secret bool
	// Refresh tells whether there is a refresh token. Without one, the app fetches another token and a user logs in again.
	Refresh bool
}

// allGrants returns the four grants, in the guide's order.
func allGrants() []grant {
	return []grant{
		{Grant: "Authorization code", Key: flows.FlowCode, UserResources: true, Secret: true, Refresh: true},
		{Grant: "Authorization code with PKCE", Key: flows.FlowPKCE, UserResources: true, Secret: false, Refresh: true},
		{Grant: "Client credentials", Key: "app", UserResources: false, Secret: true, Refresh: false},
		{Grant: "Implicit grant", Key: flows.FlowImplicit, UserResources: true, Secret: false, Refresh: false},
	}
}

// grantLife is what a grant did from its beginning to its end, on every replica alike.
type grantLife struct {
	behaviour                           grant // as it was seen
	begin, call, expired, again, logout string
}

// TestFourGrants drives each of the four grants over three replicas, prints one table of what happened, and compares it
// with the table in code.
func TestFourGrants(t *testing.T) {
	t.Parallel()
	var printed strings.Builder
	table := tabwriter.NewWriter(&printed, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "GRANT\tBEGIN\tCALL\tTOKEN EXPIRED\tAND THEN\tLOGOUT\tUSER\tSECRET\tREFRESH") // Flush tells
	for _, want := range allGrants() {
		life := liveThrough(t, want)
		b := life.behaviour
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Grant, life.begin, life.call, life.expired,
			life.again, life.logout, yesNo(b.UserResources), yesNo(b.Secret), yesNo(b.Refresh))
		if b != want {
			t.Errorf("seen %+v, and allGrants says %+v", b, want)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + printed.String())
}

// liveThrough drives one grant through its life.
func liveThrough(t *testing.T, b grant) grantLife {
	t.Helper()
	o := stage.Options{Replicas: 3, Public: !b.Secret, Implicit: b.Key == flows.FlowImplicit, Quota: "cache: 0"} // each call needs a token
	path, forUser := "/api/search?q=a&type=artist", b.Key != "app"
	if forUser {
		o.Spotify = "flow: " + b.Key
	} else {
		o.Routes = stage.Pages{"index.html": ""}.Route(t, "{path: /api/, upstream: spotify, credentials: app}")
	}
	w := stage.NewWorld(t, o)
	v := w.Visitor()
	life := grantLife{behaviour: grant{Grant: b.Grant, Key: b.Key}}

	life.begin = beginGrant(v, b.Key)
	life.call = v.OnAllReplicas(path)
	me := v.OnAllReplicas("/api/me")
	life.behaviour.UserResources = me == "200"
	if !life.behaviour.UserResources && me != "401" { // Spotify's own refusal, without a reason of the gateway's
		t.Errorf("%s: GET /me answers %s, want 200, or Spotify's 401", b.Grant, me)
	}
	life.behaviour.Secret = needsSecret(w, t)

	w.Spotify.ForgetSeen()
	w.Spotify.ExpireAccessTokens()
	life.expired = v.OnAllReplicas(path)
	calls := w.Spotify.Counts().TokenCalls
	life.behaviour.Refresh = calls["refresh_token"] == 1
	switch {
	case life.behaviour.Refresh:
		life.again = "one refresh"
	case !forUser && calls["client_credentials"] == 1:
		life.again = "one more fetch"
	default:
		beginGrant(v, b.Key)
		life.again = "login, " + v.OnAllReplicas(path)
	}
	if total := calls["refresh_token"] + calls["client_credentials"]; total > 1 {
		t.Errorf("%s: %d token calls after one expiry, want at most one: %v", b.Grant, total, calls)
	}

	if a := v.Do(http.MethodPost, "/auth/logout", ""); a.Status != http.StatusNoContent {
		t.Errorf("%s: the logout answered %d %s", b.Grant, a.Status, a.Body)
	}
	life.logout = v.OnAllReplicas(path)
	life.check(t, forUser)
	return life
}

// check compares what a life must look like whatever the table says.
func (l grantLife) check(t *testing.T, forUser bool) {
	t.Helper()
	expired, again, logout := "200", "one more fetch", "200" // nobody can log the app out
	if forUser {
		again, logout = "one refresh", "401 LOGIN_REQUIRED"
	}
	if l.behaviour.Key == flows.FlowImplicit {
		expired, again = "401 REAUTHORIZATION_REQUIRED", "login, 200"
	}
	if l.call != "200" || l.expired != expired || l.again != again || l.logout != logout {
		t.Errorf("%s lived as %+v", l.behaviour.Grant, l)
	}
}

// beginGrant logs in as the grant does it, and says how that was.
func beginGrant(v *stage.Visitor, key string) string {
	v.T.Helper()
	switch key {
	case "app":
		return "fetch"
	case flows.FlowImplicit:
		v.LoginImplicit("ada")
		return "login by fragment"
	default:
		v.Login("ada")
		return "login by code"
	}
}

// needsSecret tells whether the configuration is refused for the want of a client secret.
func needsSecret(w *stage.World, t *testing.T) bool {
	t.Helper()
	text, err := os.ReadFile(w.Replicas[0].Config)
	if err != nil {
		t.Fatal(err)
	}
	without := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, without, strings.Replace(string(text), stage.ClientSecret, "", 1))
	code, _, stderr := stage.Stagedoor(t, nil, "check", "-config", without)
	if code != 0 && !strings.Contains(stderr, "client secret") {
		t.Fatalf("check without a secret: code %d, %s", code, stderr)
	}
	return code != 0
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// TestReadmeTableOfGrants compares the README's table with the one in code.
func TestReadmeTableOfGrants(t *testing.T) {
	t.Parallel()
	want := []string{
		"| Grant | config | speaks for a user | needs the secret | refreshes |",
		"|---|---|---|---|---|",
	}
	for _, b := range allGrants() {
		key := "flow: " + b.Key
		if !slices.Contains([]string{flows.FlowCode, flows.FlowPKCE, flows.FlowImplicit}, b.Key) {
			key = "credentials: " + b.Key
		}
		want = append(want, fmt.Sprintf("| %s | `%s` | %s | %s | %s |",
			b.Grant, key, yesNo(b.UserResources), yesNo(b.Secret), yesNo(b.Refresh)))
	}
	var got []string
	for line := range strings.Lines(section(t, "## The four grants")) {
		if strings.HasPrefix(line, "|") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("README.md has\n%s\nand allGrants says\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

package stage

import (
	"net/http"
	"strings"

	"stagedoor/simulator"
)

// AState looks like a state, and is none.
const AState = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// ImplicitFlow is what Options.Spotify has for it.
const ImplicitFlow = "flow: implicit"

// FormType is what a page's URLSearchParams are sent as.
const FormType = "application/x-www-form-urlencoded;charset=UTF-8"

// BeginImplicit goes through the consent page as a user and returns what the browser would carry back behind the #.
func (v *Visitor) BeginImplicit(user string) (fragment string) {
	v.T.Helper()
	if err := v.W.Spotify.SetConsent(simulator.Consent{User: user}); err != nil {
		v.T.Fatal(err)
	}
	consent, a := v.Step(v.W.Balancer.URL + "/auth/login?return_to=/page")
	if a.Status != http.StatusFound {
		v.T.Fatalf("GET /auth/login answered %d %s", a.Status, a.Body)
	}
	callback, a := v.Step(consent)
	page, fragment, found := strings.Cut(callback, "#")
	if a.Status != http.StatusFound || !found {
		v.T.Fatalf("the consent page answered %d to %q", a.Status, callback)
	}
	if _, a := v.Step(page); a.Status != http.StatusOK || !strings.Contains(a.Body, "<script>") {
		v.T.Fatalf("the callback page is %d %s", a.Status, a.Body)
	}
	return fragment
}

// HandOver does what the script of the callback page does.
func (v *Visitor) HandOver(fragment string) Answer {
	v.T.Helper()
	return v.Do(http.MethodPost, "/auth/fragment", fragment, "Content-Type", FormType)
}

// LoginImplicit logs in as one of the simulator's users by the implicit grant.
func (v *Visitor) LoginImplicit(user string) {
	v.T.Helper()
	if a := v.HandOver(v.BeginImplicit(user)); a.Status != http.StatusOK || !strings.Contains(a.Body, `"/page"`) {
		v.T.Fatalf("POST /auth/fragment answered %d %s", a.Status, a.Body)
	}
}

// Bearers are all access tokens that the API has seen.
func (w *World) Bearers() []string {
	var tokens []string
	for _, seen := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if token := strings.TrimPrefix(seen.Header.Get("Authorization"), "Bearer "); token != "" {
			tokens = append(tokens, token)
		}
	}
	return tokens
}

// Labels are the names that the simulator has for the tokens of calls to a path: user, kind and number.
func (w *World) Labels(path string) []string {
	var labels []string
	for _, seen := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Path: path, Exact: true}}) {
		labels = append(labels, seen.Token)
	}
	return labels
}

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestOneAppTokenForThreeReplicas sends sixty calls at once that all need the app's token, which is not there yet.
func TestOneAppTokenForThreeReplicas(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Routes: stage.Pages{}.Route(t, stage.AppRoute)})
	fetch := simulator.Match{Grant: "client_credentials"}
	if _, err := w.Spotify.AddFault(simulator.Fault{Name: "slow", Match: fetch, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	if statuses := storm(v, 60, "/app/"+stage.Catalogue); statuses[http.StatusOK] != 60 {
		t.Fatalf("the answers were %v, want 60 times 200", statuses)
	}
	if calls := w.Spotify.Counts().TokenCalls; calls["client_credentials"] != 1 || len(calls) != 1 {
		t.Errorf("the token calls were %v, want one", calls)
	}
	tokens := slices.Compact(w.Bearers())
	if len(tokens) != 1 {
		t.Fatalf("Spotify has seen %d tokens, want one", len(tokens))
	}
	dump := dump(w)
	if !strings.Contains(dump, "{app:") || strings.Contains(dump, tokens[0]) || strings.Contains(dump, stage.ClientSecret) {
		t.Errorf("Redis holds the app's token, its secret, or nothing of it at all:\n%q", dump)
	}
	for _, replica := range w.Replicas {
		replica.Restart()
	}
	if said := v.OnAllReplicas("/app/" + stage.Catalogue); said != "200" {
		t.Errorf("after a restart the replicas say %s", said)
	}
	if calls := w.Spotify.Counts().TokenCalls; calls["client_credentials"] != 1 {
		t.Errorf("a restart cost a token call: %v", calls)
	}
}

// dump is everything that is in Redis: keys and values.
func dump(w *stage.World) string {
	w.T.Helper()
	var text strings.Builder
	for _, key := range w.Keys("*") {
		value, err := w.Redis.Do("GET", key)
		if err != nil {
			w.T.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v\n", key, value)
	}
	return text.String()
}

// TestAppTokenIsFetchedBeforeItEnds calls on until there is a second token: Spotify never had to refuse the first.
func TestAppTokenIsFetchedBeforeItEnds(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{TokenLifetime: 4 * time.Second, Routes: stage.Pages{}.Route(t, stage.AppRoute), Quota: "cache: 0"})
	v := w.Visitor()
	sessiontest.Eventually(t, stage.StartTime, "a second token is fetched", func() bool {
		if a := v.Get("/app/" + stage.Catalogue); a.Status != http.StatusOK {
			t.Fatalf("GET %s answered %d %s", stage.Catalogue, a.Status, a.Body)
		}
		return w.Spotify.Counts().TokenCalls["client_credentials"] == 2
	})
	for _, seen := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if seen.Status != http.StatusOK {
			t.Errorf("Spotify answered %d to %s", seen.Status, seen.Target)
		}
	}
}

// TestAppRouteRefusals checks that what is a user's gets Spotify's own refusal, and what a wrong secret comes to.
func TestAppRouteRefusals(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Routes: stage.Pages{}.Route(t, stage.AppRoute, stage.UserRoute)})
	v := w.Visitor()
	v.Login("ada") // which changes nothing for the app's route
	v.Get("/app/me").Expect(t, "Spotify's own refusal", http.StatusUnauthorized, "", "Valid user authentication required")
	if labels := w.Labels("/v1/me"); strings.HasPrefix(labels[len(labels)-1], "ada/") {
		t.Errorf("the app's route sent the user's token: %v", labels)
	}
	w.Forget("*{app:*")
	fault, err := simulator.Preset("token-invalid-secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Spotify.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	if a := v.Get("/app/" + stage.Catalogue); a.Status != http.StatusServiceUnavailable || a.Reason() != "CLIENT_MISCONFIGURED" {
		t.Errorf("with a wrong secret GET %s answered %d %s", stage.Catalogue, a.Status, a.Body)
	}
	v.ExpectMe("ada")
}

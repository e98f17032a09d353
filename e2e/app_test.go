package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// catalogue is a call that needs no user.
const catalogue = "search?q=a&type=artist"

// TestOneAppTokenForThreeReplicas sends sixty calls at once that all need the app's token, which nobody has yet.
func TestOneAppTokenForThreeReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3, routes: pages{}.route(t, appRoute)})
	fetch := simulator.Match{Grant: "client_credentials"}
	if _, err := w.spotify.AddFault(simulator.Fault{Name: "slow", Match: fetch, Delay: time.Second}); err != nil {
		t.Fatal(err)
	}
	v := w.visitor()
	if statuses := v.storm(60, "/app/"+catalogue); statuses[http.StatusOK] != 60 {
		t.Fatalf("the answers were %v, want 60 times 200", statuses)
	}
	if calls := w.spotify.Counts().TokenCalls; calls["client_credentials"] != 1 || len(calls) != 1 {
		t.Errorf("the token calls were %v, want one", calls)
	}
	tokens := slices.Compact(w.bearers())
	if len(tokens) != 1 {
		t.Fatalf("Spotify has seen %d tokens, want one", len(tokens))
	}
	dump := w.dump()
	if !strings.Contains(dump, "{app:") || strings.Contains(dump, tokens[0]) || strings.Contains(dump, clientSecret) {
		t.Errorf("Redis holds the app's token, its secret, or nothing of it at all:\n%q", dump)
	}
	for _, replica := range w.replicas {
		replica.restart()
	}
	if said := v.onAllReplicas("/app/" + catalogue); said != "200" {
		t.Errorf("after a restart the replicas say %s", said)
	}
	if calls := w.spotify.Counts().TokenCalls; calls["client_credentials"] != 1 {
		t.Errorf("a restart cost a token call: %v", calls)
	}
}

// dump is everything that is in Redis: keys and values.
func (w *world) dump() string {
	w.t.Helper()
	var text strings.Builder
	for _, key := range w.keys("*") {
		value, err := w.redis.Do("GET", key)
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %v\n", key, value)
	}
	return text.String()
}

// keys lists the keys in Redis that match a pattern, but for those with which a replica looks now and then whether its store is well.
func (w *world) keys(pattern string) []string {
	w.t.Helper()
	reply, err := w.redis.Do("KEYS", pattern)
	if err != nil {
		w.t.Fatal(err)
	}
	var keys []string
	for _, key := range reply.([]any) {
		if !strings.Contains(key.(string), ":probe-") {
			keys = append(keys, key.(string))
		}
	}
	return keys
}

// sessionKeys lists the keys of the sessions that Redis has, and leaseKeys those of the leases on them.
func (w *world) sessionKeys() []string { return w.keys("stagedoor:{session:*}") }

func (w *world) leaseKeys() []string { return w.keys("stagedoor:{session:*}:lease") }

// forget deletes the keys that match a pattern, as no gateway would, and tells how many there were.
func (w *world) forget(pattern string) int {
	w.t.Helper()
	keys := w.keys(pattern)
	for _, key := range keys {
		if _, err := w.redis.Do("DEL", key); err != nil {
			w.t.Fatal(err)
		}
	}
	return len(keys)
}

// TestAppTokenIsFetchedBeforeItEnds calls on until there is a second token: Spotify never had to refuse the first.
func TestAppTokenIsFetchedBeforeItEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{tokenLifetime: 4 * time.Second, routes: pages{}.route(t, appRoute), quota: "cache: 0"})
	v := w.visitor()
	sessiontest.Eventually(t, startTime, "a second token is fetched", func() bool {
		if a := v.get("/app/" + catalogue); a.status != http.StatusOK {
			t.Fatalf("GET %s answered %d %s", catalogue, a.status, a.body)
		}
		return w.spotify.Counts().TokenCalls["client_credentials"] == 2
	})
	for _, seen := range w.spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI}}) {
		if seen.Status != http.StatusOK {
			t.Errorf("Spotify answered %d to %s", seen.Status, seen.Target)
		}
	}
}

// TestAppRouteRefusals checks that what is a user's gets Spotify's own refusal, and what a wrong secret comes to.
func TestAppRouteRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{routes: pages{}.route(t, appRoute, userRoute)})
	v := w.visitor()
	v.login("ada") // which changes nothing for the app's route
	v.get("/app/me").expect(t, "Spotify's own refusal", http.StatusUnauthorized, "", "Valid user authentication required")
	if labels := w.labels("/v1/me"); strings.HasPrefix(labels[len(labels)-1], "ada/") {
		t.Errorf("the app's route sent the user's token: %v", labels)
	}
	w.forget("*{app:*")
	fault, err := simulator.Preset("token-invalid-secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.spotify.AddFault(fault); err != nil {
		t.Fatal(err)
	}
	if a := v.get("/app/" + catalogue); a.status != http.StatusServiceUnavailable || a.reason() != "CLIENT_MISCONFIGURED" {
		t.Errorf("with a wrong secret GET %s answered %d %s", catalogue, a.status, a.body)
	}
	v.expectMe("ada")
}

// labels are the names that the simulator has for the tokens of calls to a path: user, kind and number.
func (w *world) labels(path string) []string {
	var labels []string
	for _, seen := range w.spotify.Seen(simulator.Filter{Match: simulator.Match{Path: path, Exact: true}}) {
		labels = append(labels, seen.Token)
	}
	return labels
}

package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"stagedoor/simulator"
)

// TestLoginOverThreeReplicas begins a login on one replica, comes back to the second, calls the API on the third, and is
// still logged in when all of them have been restarted.
func TestLoginOverThreeReplicas(t *testing.T) {
	w := newWorld(t, options{replicas: 3})
	v := w.visitor()
	if err := w.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	w.through(0)
	consent, a := v.step(w.balancer.URL + "/auth/login?return_to=/playlists?page=2")
	if a.status != http.StatusFound {
		t.Fatalf("GET /auth/login answered %d %s", a.status, a.body)
	}
	callback, a := v.step(consent)
	if a.status != http.StatusFound {
		t.Fatalf("the consent page answered %d %s", a.status, a.body)
	}
	w.through(1)
	page, a := v.step(callback)
	if want := w.balancer.URL + "/playlists?page=2"; a.status != http.StatusSeeOther || page != want {
		t.Fatalf("the callback answered %d to %q, want 303 to %q: %s", a.status, page, want, a.body)
	}
	w.through(2)
	v.expectMe("ada")
	for _, replica := range w.replicas {
		replica.restart()
	}
	for i := range w.replicas {
		w.through(i)
		v.expectMe("ada")
	}
	if a := v.do(http.MethodPost, "/auth/logout", ""); a.status != http.StatusNoContent {
		t.Fatalf("logout answered %d %s", a.status, a.body)
	}
	for i := range w.replicas {
		w.through(i)
		if a := v.get("/api/me"); a.status != http.StatusUnauthorized || a.reason() != "LOGIN_REQUIRED" {
			t.Errorf("after the logout replica %d answers %d %s", i, a.status, a.reason())
		}
	}
}

func (v *visitor) expectMe(user string) {
	v.t.Helper()
	var me struct{ ID string }
	a := v.get("/api/me")
	if a.status != http.StatusOK {
		v.t.Fatalf("GET /api/me answered %d %s", a.status, a.body)
	}
	if a.decode(v.t, &me); me.ID != user {
		v.t.Fatalf("GET /api/me says %q, want %q", me.ID, user)
	}
}

// TestOneRefreshForTwoHundredRequests sends 200 requests at once over three replicas while the token endpoint takes three
// seconds and spends each refresh token. In the first round the gateway knows that the token ends, in the second only
// Spotify does.
func TestOneRefreshForTwoHundredRequests(t *testing.T) {
	const requests = 200
	w := newWorld(t, options{replicas: 3, session: "refresh_before: 1h"}) // every token of a login is due at once
	if err := w.spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	v := w.visitor()
	v.login("ada")
	for round := 1; round <= 2; round++ {
		w.spotify.ExpireAccessTokens()
		if _, err := w.spotify.AddFault(simulator.Fault{
			Name: "slow", Match: simulator.Match{Grant: "refresh_token"}, Delay: 3 * time.Second, Times: 1,
		}); err != nil {
			t.Fatal(err)
		}
		statuses := v.storm(requests, "/api/me")
		if statuses[http.StatusOK] != requests {
			t.Fatalf("round %d: the answers were %v, want %d times 200", round, statuses, requests)
		}
		if calls := w.spotify.Counts().TokenCalls["refresh_token"]; calls != round {
			t.Fatalf("round %d: there were %d refreshes, want %d", round, calls, round)
		}
	}
}

// storm sends requests all at once and counts the answers by status.
func (v *visitor) storm(requests int, path string) map[int]int {
	v.t.Helper()
	var (
		mu       sync.Mutex // guards statuses
		statuses = map[int]int{}
		group    sync.WaitGroup
		begin    = make(chan struct{})
	)
	for range requests {
		group.Go(func() {
			<-begin
			a, err := v.try(http.MethodGet, path, "")
			if err != nil {
				v.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
		})
	}
	close(begin)
	group.Wait()
	return statuses
}

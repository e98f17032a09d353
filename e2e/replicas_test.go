package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// TestLoginOverThreeReplicas begins a login on one replica, comes back to the second, calls the API on the third, and is
// still logged in when all of them have been restarted.
func TestLoginOverThreeReplicas(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{Replicas: 3})
	v := w.Visitor()
	if err := w.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		t.Fatal(err)
	}
	w.Through(0)
	consent, a := v.Step(w.Balancer.URL + "/auth/login?return_to=/playlists?page=2")
	if a.Status != http.StatusFound {
		t.Fatalf("GET /auth/login answered %d %s", a.Status, a.Body)
	}
	callback, a := v.Step(consent)
	if a.Status != http.StatusFound {
		t.Fatalf("the consent page answered %d %s", a.Status, a.Body)
	}
	w.Through(1)
	page, a := v.Step(callback)
	if want := w.Balancer.URL + "/playlists?page=2"; a.Status != http.StatusSeeOther || page != want {
		t.Fatalf("the callback answered %d to %q, want 303 to %q: %s", a.Status, page, want, a.Body)
	}
	w.Through(2)
	v.ExpectMe("ada")
	for _, replica := range w.Replicas {
		replica.Restart()
	}
	for i := range w.Replicas {
		w.Through(i)
		v.ExpectMe("ada")
	}
	if a := v.Do(http.MethodPost, "/auth/logout", ""); a.Status != http.StatusNoContent {
		t.Fatalf("logout answered %d %s", a.Status, a.Body)
	}
	for i := range w.Replicas {
		w.Through(i)
		if a := v.Get("/api/me"); a.Status != http.StatusUnauthorized || a.Reason() != "LOGIN_REQUIRED" {
			t.Errorf("after the logout replica %d answers %d %s", i, a.Status, a.Reason())
		}
	}
}

// TestOneRefreshForTwoHundredRequests sends 200 requests at once over three replicas while the token endpoint takes three
// seconds and spends each refresh token. In the first round the gateway knows that the token ends, in the second only
// Spotify does.
func TestOneRefreshForTwoHundredRequests(t *testing.T) {
	const requests = 200
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Session: "refresh_before: 1h"}) // every token of a login is due at once
	if err := w.Spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		t.Fatal(err)
	}
	v := w.Visitor()
	v.Login("ada")
	for round := 1; round <= 2; round++ {
		w.Spotify.ExpireAccessTokens()
		if _, err := w.Spotify.AddFault(simulator.Fault{
			Name: "slow", Match: simulator.Match{Grant: "refresh_token"}, Delay: 3 * time.Second, Times: 1,
		}); err != nil {
			t.Fatal(err)
		}
		statuses := storm(v, requests, "/api/me")
		if statuses[http.StatusOK] != requests {
			t.Fatalf("round %d: the answers were %v, want %d times 200", round, statuses, requests)
		}
		if calls := w.Spotify.Counts().TokenCalls["refresh_token"]; calls != round {
			t.Fatalf("round %d: there were %d refreshes, want %d", round, calls, round)
		}
	}
}

// storm sends requests all at once and counts the answers by status.
func storm(v *stage.Visitor, requests int, path string) map[int]int {
	v.T.Helper()
	var (
		mu       sync.Mutex // guards statuses
		statuses = map[int]int{}
		group    sync.WaitGroup
		begin    = make(chan struct{})
	)
	for range requests {
		group.Go(func() {
			<-begin
			a, err := v.Try(http.MethodGet, path, "")
			if err != nil {
				v.T.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[a.Status]++
		})
	}
	close(begin)
	group.Wait()
	return statuses
}

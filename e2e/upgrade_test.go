package e2e

import (
	"net/http"
	"sync"
	"testing"

	"stagedoor/e2e/stage"
)

// TestUpgradeAndBack runs the previous program and this one on one Redis: as two replicas while an upgrade goes from one to the
// other, and then the whole way back. What one has written the other opens, refreshes and ends.
func TestUpgradeAndBack(t *testing.T) {
	stage.OnlyLong(t, "it builds the previous program")
	t.Parallel()
	before := stage.Previous(t)
	w := stage.NewWorld(t, stage.Options{Users: 6, Replicas: 2})
	w.Rotate()
	for _, p := range w.Replicas {
		p.Become(before)
	}
	crowd := w.Crowd(4)
	expectIn(t, w, "before the upgrade", crowd)

	w.Replicas[0].Become(stage.Binary)
	w.Through(0)
	for _, user := range stage.Fans(6)[4:] {
		v := w.Visitor()
		v.Login(user.ID)
		crowd = append(crowd, stage.Fan{Visitor: v, User: user.ID})
	}
	expectIn(t, w, "with a replica of each", crowd)
	expectOneRefreshEach(t, w, crowd)

	w.Replicas[1].Become(stage.Binary)
	expectIn(t, w, "after the upgrade", crowd)
	for _, p := range w.Replicas {
		p.Become(before)
	}
	expectIn(t, w, "on the way back", crowd)

	w.Replicas[0].Become(stage.Binary)
	second := w.Visitor()
	second.Login(crowd[0].User)
	w.Through(1)
	second.Do(http.MethodPost, "/auth/logout?everywhere=true", "").Expect(t, "a logout everywhere by the previous program", http.StatusNoContent, "")
	crowd[0].AwaitOnAllReplicas("after a logout by the previous program", "/api/me", "401 LOGIN_REQUIRED")
	w.Through(0)
	crowd[5].Do(http.MethodPost, "/auth/logout", "").Expect(t, "a logout by this program", http.StatusNoContent, "")
	crowd[5].AwaitOnAllReplicas("after a logout by this program", "/api/me", "401 LOGIN_REQUIRED")
	expectIn(t, w, "at the end", crowd[1:5])
}

// expectIn asks each replica for each fan, by their session.
func expectIn(t *testing.T, w *stage.World, when string, crowd []stage.Fan) {
	t.Helper()
	t.Log(when)
	for i := range w.Replicas {
		w.Through(i)
		for _, f := range crowd {
			f.ExpectMe(f.User)
			f.ExpectIn(when)
		}
	}
}

// expectOneRefreshEach ends all access tokens and asks for each fan at both replicas at once: the lease of one program holds for the other.
func expectOneRefreshEach(t *testing.T, w *stage.World, crowd []stage.Fan) {
	t.Helper()
	w.Spotify.ExpireAccessTokens()
	calls := w.Spotify.Counts().TokenCalls["refresh_token"]
	w.Through(-1)
	var asking sync.WaitGroup
	for _, f := range crowd {
		for range 4 {
			asking.Go(func() {
				if a, err := f.Try(http.MethodGet, "/api/me", ""); err != nil || a.Status != http.StatusOK {
					t.Errorf("%s, whose token was rejected, got %s, %v", f.User, a.Summary(), err)
				}
			})
		}
	}
	asking.Wait()
	if got := w.Spotify.Counts().TokenCalls["refresh_token"] - calls; got != len(crowd) {
		t.Errorf("%d refreshes for %d sessions whose tokens were rejected", got, len(crowd))
	}
}

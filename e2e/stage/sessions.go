package stage

import (
	"fmt"
	"net/http"
	"time"

	"stagedoor/session/sessiontest"
)

// SessionList is what GET /auth/sessions answers.
type SessionList struct {
	Sessions []struct {
		Handle     string
		CreatedAt  time.Time `json:"created_at"`
		LastSeenAt time.Time `json:"last_seen_at"`
		UserAgent  string    `json:"user_agent"`
		Current    bool
	}
}

// Sessions returns the list, and the handles of this browser and of the others.
func (v *Visitor) Sessions() (list SessionList, own string, others []string) {
	v.T.Helper()
	a := v.Get("/auth/sessions")
	if a.Status != http.StatusOK {
		v.T.Fatalf("GET /auth/sessions answered %d %s", a.Status, a.Body)
	}
	a.Decode(v.T, &list)
	for _, s := range list.Sessions {
		if s.Current {
			own = s.Handle
		} else {
			others = append(others, s.Handle)
		}
	}
	return list, own, others
}

// ExpectOut wants every replica to know the visitor no more, once it has heard of it.
func (v *Visitor) ExpectOut(when string) {
	v.T.Helper()
	v.AwaitOnAllReplicas(when, "/api/me", "401 LOGIN_REQUIRED")
}

// ExpectIn wants every replica to know the visitor.
func (v *Visitor) ExpectIn(when string) {
	v.T.Helper()
	if said := v.OnAllReplicas("/api/me"); said != "200" {
		v.T.Errorf("%s the replicas say %s, want 200", when, said)
	}
}

// ExpectMe wants the API to know the visitor as a user.
func (v *Visitor) ExpectMe(user string) {
	v.T.Helper()
	var me struct{ ID string }
	a := v.Get("/api/me")
	if a.Status != http.StatusOK {
		v.T.Fatalf("GET /api/me answered %d %s", a.Status, a.Body)
	}
	if a.Decode(v.T, &me); me.ID != user {
		v.T.Fatalf("GET /api/me says %q, want %q", me.ID, user)
	}
}

// OnAllReplicas calls a path on every replica and returns the one thing that all of them say: status, and reason if any.
func (v *Visitor) OnAllReplicas(path string) string {
	v.T.Helper()
	defer v.W.Through(-1)
	said := map[string]bool{}
	last := ""
	for i := range v.W.Replicas {
		v.W.Through(i)
		last = v.Get(path).Summary()
		said[last] = true
	}
	if len(said) != 1 {
		v.T.Errorf("GET %s: the replicas disagree: %v", path, said)
	}
	return last
}

// AwaitOnAllReplicas waits until every replica says want about a path, as OnAllReplicas puts it: they hear of what has
// become of a record one after the other, a moment after it was written.
func (v *Visitor) AwaitOnAllReplicas(when, path, want string) {
	v.T.Helper()
	defer v.W.Through(-1)
	for i := range v.W.Replicas {
		v.W.Through(i)
		what := fmt.Sprintf("%s replica %d says %s to GET %s", when, i, want, path)
		sessiontest.Eventually(v.T, StartTime, what, func() bool { return v.Get(path).Summary() == want })
	}
}

// HandedOut is what POST /auth/token answers.
type HandedOut struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string
}

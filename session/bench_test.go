package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"stagedoor/session"
	"stagedoor/session/memstore"
)

// BenchmarkFindCached finds a session that was just seen.
func BenchmarkFindCached(b *testing.B) {
	watching := make(chan struct{})
	m, r := benched(b, func(ctx context.Context, w session.Watcher) {
		w.Missed()
		close(watching)
		<-ctx.Done()
	})
	<-watching
	benchFind(b, m, r)
}

// BenchmarkFind loads a session from a store in the process, opens and decodes it.
func BenchmarkFind(b *testing.B) {
	m, r := benched(b, nil)
	benchFind(b, m, r)
}

// benched is a manager with one session of ordinary size, and a request that carries its cookie.
func benched(b *testing.B, watch func(context.Context, session.Watcher)) (*session.Manager, *http.Request) {
	b.Helper()
	memory := memstore.New(nil)
	m := newManager(b, session.Options{Store: memory, Leases: memory, Watch: watch})
	answer, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	user := session.User{ID: "31abcdefghijklmnopqrstuvwxyz", AccountID: "31abcdefghijklmnopqrstuvwxyz", DisplayName: "Ada Lovelace"}
	if _, err := m.Create(answer, r, session.Login{User: user, Grant: goodFor(time.Hour), AuthorizedAt: time.Now()}); err != nil {
		b.Fatal(err)
	}
	for _, cookie := range answer.Result().Cookies() {
		r.AddCookie(cookie)
	}
	return m, r
}

func benchFind(b *testing.B, m *session.Manager, r *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Find(r); err != nil {
			b.Fatal(err)
		}
	}
}

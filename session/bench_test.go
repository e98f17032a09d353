package session

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
)

// benched is a manager with one session of ordinary size, and a request that carries its cookie.
func benched(b *testing.B, watch func(context.Context, Watcher)) (*Manager, *http.Request) {
	b.Helper()
	memory := NewMemory(nil)
	c := DefaultConfig()
	c.Keys = []secret.Text{NewKey()}
	m, err := NewManager(Options{Config: c, Store: memory, Leases: memory, Lists: memory, Bulk: memory, Watch: watch, Log: zap.NewNop()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(m.Close)
	answer, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	if _, err := m.Create(answer, r, Login{User: typicalRecord().user, Grant: typicalGrant(), AuthorizedAt: time.Now()}); err != nil {
		b.Fatal(err)
	}
	for _, cookie := range answer.Result().Cookies() {
		r.AddCookie(cookie)
	}
	return m, r
}

// BenchmarkCookie reads the id and finds where its session lies.
func BenchmarkCookie(b *testing.B) {
	m, r := benched(b, nil)
	b.ReportAllocs()
	for b.Loop() {
		id, found := m.settings.Load().cookie.read(r)
		if !found || behind(kindSession, id).key == "" {
			b.Fatal("there is no session")
		}
	}
}

// BenchmarkFindRecent finds a session that was just seen.
func BenchmarkFindRecent(b *testing.B) {
	m, r := benched(b, NewMemory(nil).Watch)
	m.recent.Missed() // it may not have begun to watch
	benchFind(b, m, r)
}

// BenchmarkFind loads a session from a store in the process, opens and decodes it.
func BenchmarkFind(b *testing.B) {
	m, r := benched(b, nil)
	benchFind(b, m, r)
}

func benchFind(b *testing.B, m *Manager, r *http.Request) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Find(r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen opens a sealed record and decodes it.
func BenchmarkOpen(b *testing.B) {
	m, r := benched(b, nil)
	id, _ := m.settings.Load().cookie.read(r)
	p := behind(kindSession, id)
	entry, err := m.options.Store.Load(context.Background(), p.key)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(len(entry.Data)), "bytes/record")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.openRecord(p, entry); err != nil {
			b.Fatal(err)
		}
	}
}

// typicalGrant is a grant of usual length that is good now.
func typicalGrant() Grant {
	grant := typicalRecord().grant
	grant.Expiry = time.Now().Add(time.Hour)
	return grant
}

package session_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// replicas are managers over one store, as several processes are. They live inside synctest.
type replicas struct {
	managers []*session.Manager
	store    *switchStore
	tokens   *tokenEndpoint
	logs     *observer.ObservedLogs
}

// newReplicas starts so many replicas. Change may alter the configuration of all.
func newReplicas(t *testing.T, count int, change ...func(*session.Config)) *replicas {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	r := &replicas{store: &switchStore{memory: memstore.New(nil)}, tokens: &tokenEndpoint{}, logs: logs}
	config := testConfig()
	for _, c := range change {
		c(&config)
	}
	for range count {
		r.managers = append(r.managers, newManager(t, session.Options{
			Config: config, Store: r.store, Leases: r.store, Watch: r.store.watch, Refresh: r.tokens.refresh, Log: zap.New(core),
		}))
	}
	return r
}

// audited counts the audit lines of an event with a result.
func (r *replicas) audited(event, result string) int {
	return r.logs.FilterMessage("audit").FilterField(zap.String("event", event)).FilterField(zap.String("result", result)).Len()
}

// switchStore is a memory that can be down, and that tells every replica what was deleted.
type switchStore struct {
	memory   *memstore.Store
	down     atomic.Bool
	saves    atomic.Int64 // of sessions
	acquires atomic.Int64 // asked for, answered or not

	mu       sync.Mutex // guards what follows
	watchers []session.Watcher
	holder   string // who held a lease last
}

func (s *switchStore) gone() error {
	if s.down.Load() {
		return fmt.Errorf("%w: switched off", session.ErrStoreUnavailable)
	}
	return nil
}

func (s *switchStore) Load(ctx context.Context, key string) (session.Entry, error) {
	if err := s.gone(); err != nil {
		return session.Entry{}, err
	}
	return s.memory.Load(ctx, key)
}

func (s *switchStore) Save(ctx context.Context, key string, e session.Entry, ttl time.Duration, holder string) error {
	if err := s.gone(); err != nil {
		return err
	}
	err := s.memory.Save(ctx, key, e, ttl, holder)
	if err == nil && strings.HasPrefix(key, "session:") {
		s.saves.Add(1)
	}
	return err
}

func (s *switchStore) Delete(ctx context.Context, key string) (bool, error) {
	if err := s.gone(); err != nil {
		return false, err
	}
	deleted, err := s.memory.Delete(ctx, key)
	if deleted {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range s.watchers {
			w.Gone(key)
		}
	}
	return deleted, err
}

func (s *switchStore) Acquire(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
	s.acquires.Add(1)
	if err := s.gone(); err != nil {
		return false, err
	}
	held, err := s.memory.Acquire(ctx, key, holder, ttl)
	if held {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.holder = holder
	}
	return held, err
}

func (s *switchStore) Release(ctx context.Context, key, holder string) error {
	if err := s.gone(); err != nil {
		return err
	}
	return s.memory.Release(ctx, key, holder)
}

func (s *switchStore) Put(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	if err := s.gone(); err != nil {
		return err
	}
	return s.memory.Put(ctx, key, fields, ttl)
}

func (s *switchStore) Fields(ctx context.Context, keys []string) ([]map[string][]byte, error) {
	if err := s.gone(); err != nil {
		return nil, err
	}
	return s.memory.Fields(ctx, keys)
}

func (s *switchStore) Drop(ctx context.Context, key string, fields []string) error {
	if err := s.gone(); err != nil {
		return err
	}
	return s.memory.Drop(ctx, key, fields)
}

func (s *switchStore) Scan(ctx context.Context, begin string, visit func([]string) error) error {
	if err := s.gone(); err != nil {
		return err
	}
	return s.memory.Scan(ctx, begin, visit)
}

func (s *switchStore) LoadMany(ctx context.Context, keys []string) ([]session.Entry, error) {
	if err := s.gone(); err != nil {
		return nil, err
	}
	return s.memory.LoadMany(ctx, keys)
}

func (s *switchStore) DeleteMany(ctx context.Context, keys []string) ([]bool, error) {
	var all []bool
	for _, key := range keys {
		deleted, err := s.Delete(ctx, key)
		if err != nil {
			return nil, err
		}
		all = append(all, deleted)
	}
	return all, nil
}

// watch is Options.Watch. It tells of deletions and says nothing else, so that every request asks the store.
func (s *switchStore) watch(ctx context.Context, w session.Watcher) {
	s.mu.Lock()
	s.watchers = append(s.watchers, w)
	s.mu.Unlock()
	<-ctx.Done()
}

// drop takes a key's lease from its holder, as if it had run out.
func (s *switchStore) drop(t *testing.T, key string) {
	t.Helper()
	s.mu.Lock()
	holder := s.holder
	s.mu.Unlock()
	if err := s.memory.Release(t.Context(), key, holder); err != nil {
		t.Fatal(err)
	}
}

// steal gives the lease of a key to another holder.
func (s *switchStore) steal(t *testing.T, key string) {
	t.Helper()
	s.drop(t, key)
	if held, err := s.memory.Acquire(t.Context(), key, "thief", time.Hour); !held || err != nil {
		t.Fatalf("the lease cannot be stolen: %v, %v", held, err)
	}
}

// version returns the version of the browser's record; 0 when there is none.
func (s *switchStore) version(t *testing.T, b *browser) uint64 {
	t.Helper()
	e, err := s.memory.Load(t.Context(), b.key())
	if err != nil {
		return 0
	}
	return e.Version
}

// key is where the store keeps the browser's session.
func (b *browser) key() string { return "session:" + sha256Hex(b.cookies["stagedoor"]) }

// tokenEndpoint answers refreshes; it counts them and notes the refresh tokens that it was sent.
type tokenEndpoint struct {
	// takes is how long a call lasts.
	takes time.Duration
	// answer is what it says to the n-th call; nil is a rotated grant for an hour: access-2 with refresh-2, and so on.
	answer func(n int) (session.Grant, error)

	mu   sync.Mutex // guards sent
	sent []string
}

// refresh is Options.Refresh.
func (e *tokenEndpoint) refresh(ctx context.Context, token secret.Text) (session.Grant, error) {
	e.mu.Lock()
	e.sent = append(e.sent, token.Reveal())
	n := len(e.sent)
	e.mu.Unlock()
	select {
	case <-time.After(e.takes):
	case <-ctx.Done():
		return session.Grant{}, &session.RefreshUnavailableError{Cause: ctx.Err()}
	}
	if e.answer != nil {
		return e.answer(n)
	}
	return grantNumber(n+1, time.Hour), nil
}

func (e *tokenEndpoint) calls() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sent)
}

// last returns the refresh token that it was sent last.
func (e *tokenEndpoint) last() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sent[len(e.sent)-1]
}

// grantNumber is access-n with refresh-n, good for d from now.
func grantNumber(n int, d time.Duration) session.Grant {
	return session.Grant{
		Token:   session.Token{Access: secret.New(fmt.Sprint("access-", n)), Expiry: time.Now().Add(d)},
		Refresh: secret.New(fmt.Sprint("refresh-", n)),
	}
}

// answer is what somebody got who asked for a token, and when.
type answer struct {
	access string
	err    error
	after  time.Duration
}

// ask asks a replica for the browser's token, as a request does: first for the session, then for its token.
func ask(ctx context.Context, m *session.Manager, b *browser) answer {
	begin := time.Now()
	s, err := m.Peek(b.request().WithContext(ctx))
	if err != nil {
		return answer{err: err}
	}
	token, err := m.Token(ctx, s, 0)
	return answer{access: token.Access.Reveal(), err: err, after: time.Since(begin)}
}

// askAll lets so many requests ask at once, in turn at each replica, and returns their answers.
func (r *replicas) askAll(ctx context.Context, b *browser, count int) []answer {
	answers := make([]answer, count)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = ask(ctx, r.managers[i%len(r.managers)], b) })
	}
	wg.Wait()
	return answers
}

// find is Find for the browser, which counts as use.
func find(m *session.Manager, b *browser) (*session.Session, error) { return m.Find(b.request()) }

// peek is Peek for the browser, which does not.
func peek(m *session.Manager, b *browser) (*session.Session, error) { return m.Peek(b.request()) }

// mustPeek is peek for a browser that has a session.
func mustPeek(t *testing.T, m *session.Manager, b *browser) *session.Session {
	t.Helper()
	s, err := m.Peek(b.request())
	if err != nil {
		t.Fatalf("the session is not found: %v", err)
	}
	return s
}

// newAnswer is a recorder for an answer whose cookies matter to nobody.
func newAnswer() *httptest.ResponseRecorder { return httptest.NewRecorder() }

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stagedoor/internal/metrics"
	"stagedoor/session"
)

// failingStore answers every operation with err.
type failingStore struct{ err error }

func (s failingStore) Load(context.Context, string) (session.Entry, error) {
	return session.Entry{}, s.err
}

func (s failingStore) Save(context.Context, string, session.Entry, time.Duration, string) error {
	return s.err
}

func (s failingStore) Delete(context.Context, string) (bool, error) { return false, s.err }

func (s failingStore) Acquire(context.Context, string, string, time.Duration) (bool, error) {
	return false, s.err
}

func (s failingStore) Put(context.Context, string, map[string][]byte, time.Duration) error {
	return s.err
}

func (s failingStore) Fields(context.Context, []string) ([]map[string][]byte, error) {
	return nil, s.err
}

func (s failingStore) Drop(context.Context, string, []string) error { return s.err }

func (s failingStore) Scan(context.Context, string, func([]string) error) error { return s.err }

func (s failingStore) LoadMany(context.Context, []string) ([]session.Entry, error) { return nil, s.err }

func (s failingStore) DeleteMany(context.Context, []string) ([]bool, error) { return nil, s.err }

func (s failingStore) Release(context.Context, string, string) error { return s.err }

// TestMeasuredStore checks that answers pass as they are, and that only a store that is down counts as an error.
func TestMeasuredStore(t *testing.T) {
	left, leave := context.WithCancel(t.Context())
	leave()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	down := fmt.Errorf("%w: connection refused", session.ErrStoreUnavailable)
	for name, c := range map[string]struct {
		ctx    context.Context
		err    error
		errors int
	}{
		"well":                    {t.Context(), nil, 0},
		"absent":                  {t.Context(), session.ErrAbsent, 0},
		"conflict":                {t.Context(), session.ErrConflict, 0},
		"lease lost":              {t.Context(), session.ErrLeaseLost, 0},
		"down":                    {t.Context(), down, 1},
		"too late":                {late, down, 1},
		"the client did not wait": {left, down, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m := metrics.New("", "")
			store := newMeasured(failingStore{c.err}, m)
			_, loadErr := store.Load(c.ctx, "key")
			_, deleteErr := store.Delete(c.ctx, "key")
			_, acquireErr := store.Acquire(c.ctx, "key", "holder", time.Second)
			_, listErr := store.Fields(c.ctx, nil)
			_, bulkErr := store.LoadMany(c.ctx, nil)
			for operation, err := range map[string]error{
				"load": loadErr, "save": store.Save(c.ctx, "key", session.Entry{}, time.Second, ""),
				"list": listErr, "bulk": bulkErr, "delete": deleteErr, "hold": acquireErr, "release": store.Release(c.ctx, "key", "holder"),
			} {
				if !errors.Is(err, c.err) {
					t.Errorf("%s answers %v, want %v", operation, err, c.err)
				}
				for _, sample := range []string{
					fmt.Sprintf("stagedoor_store_errors_total{operation=%q} %d\n", operation, c.errors),
					fmt.Sprintf("stagedoor_store_duration_seconds_count{operation=%q} 1\n", operation),
				} {
					if !strings.Contains(scrape(t, m), sample) {
						t.Errorf("there is no %s", sample)
					}
				}
			}
		})
	}
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/internal/outcome"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// endReports counts the ends that were reported, by reason.
type endReports struct {
	mu  sync.Mutex // guards all
	all map[outcome.End]int
}

func (r *endReports) Refreshed(outcome.Refresh, time.Duration, string) {}

func (r *endReports) SessionEnded(reason outcome.End) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[outcome.End]int{}
	}
	r.all[reason]++
}

// endHouse are two replicas over one store, and what they report of ends.
type endHouse struct {
	store   *memstore.Store
	reports *endReports
	logs    *observer.ObservedLogs
	config  session.Config
	tokens  *tokenEndpoint
	first   *session.Manager
	second  *session.Manager
}

func newEndHouse(t *testing.T, change func(*session.Config)) *endHouse {
	h := &endHouse{store: memstore.New(nil), reports: &endReports{}, config: testConfig(), tokens: &tokenEndpoint{}}
	if change != nil {
		change(&h.config)
	}
	h.first, h.second = h.manager(t), h.manager(t)
	return h
}

func (h *endHouse) manager(t *testing.T) *session.Manager {
	if h.logs == nil {
		_, h.logs = observer.New(zap.InfoLevel)
	}
	core, logs := observer.New(zap.InfoLevel)
	h.logs = logs
	return newManager(t, session.Options{
		Config: h.config, Store: h.store, Leases: h.store, Refresh: h.tokens.refresh, Metrics: h.reports, Log: zap.New(core),
	})
}

// TestWhySessionsEnd ends a session in every way there is: a request with its cookie is told why on every replica, and the end is
// counted once.
func TestWhySessionsEnd(t *testing.T) {
	everybody := func(*testing.T, *endHouse, *browser, *session.Session) {}
	for _, c := range []struct {
		reason outcome.End
		change func(*session.Config)
		end    func(t *testing.T, h *endHouse, b *browser, s *session.Session)
	}{
		{reason: outcome.EndLogout, end: func(t *testing.T, h *endHouse, b *browser, _ *session.Session) {
			check(t, h.first.End(newAnswer(), b.request(), false))
		}},
		{reason: outcome.EndEverywhere, end: func(t *testing.T, h *endHouse, b *browser, _ *session.Session) {
			other := &browser{}
			other.logIn(t, h.first, goodFor(time.Hour))
			check(t, h.first.End(newAnswer(), other.request(), true))
		}},
		{reason: outcome.EndLogout, end: func(t *testing.T, h *endHouse, _ *browser, s *session.Session) {
			check(t, h.first.EndSession(t.Context(), "ada", s.Handle()))
		}},
		{reason: outcome.EndOperator, end: func(t *testing.T, h *endHouse, _ *browser, s *session.Session) {
			_, err := h.manager(t).Operator().EndHandle(t.Context(), s.Handle())
			check(t, err)
		}},
		{reason: outcome.EndOperator, end: func(t *testing.T, h *endHouse, _ *browser, _ *session.Session) {
			pass(2 * time.Second)
			_, err := h.manager(t).Operator().EndAll(t.Context())
			check(t, err)
		}},
		{reason: outcome.EndIdle, end: func(_ *testing.T, h *endHouse, _ *browser, _ *session.Session) {
			pass(h.config.IdleTimeout + time.Second)
		}},
		{reason: outcome.EndAbsolute, change: func(c *session.Config) { c.MaxLifetime = 2 * 24 * time.Hour },
			end: func(_ *testing.T, h *endHouse, _ *browser, _ *session.Session) {
				pass(h.config.MaxLifetime + time.Second)
			}},
		{reason: outcome.EndInvalidGrant, end: func(t *testing.T, h *endHouse, b *browser, s *session.Session) {
			h.tokens.answer = failing(session.ErrGrantEnded)
			_, err := h.first.Replace(t.Context(), s, session.Token{Access: goodFor(0).Access})
			wantError(t, "the refresh", err, session.ErrReauthorize)
			pass(25 * time.Hour) // the record tells until then
		}},
		{reason: outcome.EndKeyRemoved, end: func(t *testing.T, h *endHouse, _ *browser, _ *session.Session) {
			h.config.Keys[0] = session.NewKey()
			h.first, h.second = h.manager(t), h.manager(t)
		}},
		{reason: outcome.EndStoreLost, end: func(t *testing.T, h *endHouse, _ *browser, s *session.Session) {
			_, err := h.store.Delete(t.Context(), s.Key())
			check(t, err)
		}},
		{reason: outcome.EndReplaced, end: func(t *testing.T, h *endHouse, b *browser, _ *session.Session) {
			b.copy().logIn(t, h.first, goodFor(time.Hour))
		}},
		{reason: outcome.EndTooMany, change: func(c *session.Config) { c.MaxPerUser = 1 }, end: func(t *testing.T, h *endHouse, _ *browser, _ *session.Session) {
			pass(time.Second)
			new(browser).logIn(t, h.second, goodFor(time.Hour))
		}},
	} {
		t.Run(c.reason.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.end == nil {
					c.end = everybody
				}
				h, b := newEndHouse(t, c.change), &browser{}
				c.end(t, h, b, b.logIn(t, h.first, goodFor(time.Hour)))
				for range 3 {
					for _, m := range []*session.Manager{h.first, h.second} {
						_, err := m.Find(b.request())
						wantReason(t, err, c.reason)
					}
				}
				if got := h.reports.all[c.reason]; got < 1 || got > 2 || got == 2 && c.reason != outcome.EndEverywhere { // everywhere ends two
					t.Errorf("the end was counted %d times", got)
				}
			})
		})
	}
}

// wantReason wants an error that is ErrNoSession and has this reason.
func wantReason(t *testing.T, err error, want outcome.End) {
	t.Helper()
	var ended *session.EndedError
	if !errors.Is(err, session.ErrNoSession) || !errors.As(err, &ended) || ended.Reason != want {
		t.Fatalf("got %v, want the end of a session by %v", err, want)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// costStore counts what is asked of a store.
type costStore struct {
	*memstore.Store
	loads, lists, writes int
}

func (c *costStore) Load(ctx context.Context, key string) (session.Entry, error) {
	c.loads++
	return c.Store.Load(ctx, key)
}

func (c *costStore) Fields(ctx context.Context, keys []string) ([]map[string][]byte, error) {
	c.lists++
	return c.Store.Fields(ctx, keys)
}

func (c *costStore) Put(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	c.writes++
	return c.Store.Put(ctx, key, fields, ttl)
}

// TestMadeUpCookies lets a stranger make cookies up: nothing is stored or counted, and each costs two reads.
func TestMadeUpCookies(t *testing.T) {
	store, reports := &costStore{Store: memstore.New(nil)}, &endReports{}
	m := newManager(t, session.Options{Store: store, Leases: store, Lists: store, Bulk: store, Metrics: reports})
	for i := range 100 {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: "stagedoor", Value: strings.Repeat(string(rune('A'+i%26)), 42) + "A"})
		_, err := m.Find(r)
		var ended *session.EndedError
		if !errors.Is(err, session.ErrNoSession) || errors.As(err, &ended) {
			t.Fatalf("got %v", err)
		}
	}
	if store.loads != 100 || store.lists != 100 || store.writes != 0 || len(reports.all) != 0 {
		t.Errorf("%d loads, %d lists, %d writes, reports %v", store.loads, store.lists, store.writes, reports.all)
	}
}

// TestEndsOfAnAbsentBrowser lets a session time out whose browser never comes back: the user's next login finds it, and its line
// names the user.
func TestEndsOfAnAbsentBrowser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEndHouse(t, nil)
		h.config.IdleTimeout = time.Hour
		m := h.manager(t)
		lost := new(browser).logIn(t, m, goodFor(time.Hour))
		pass(2 * time.Hour)
		new(browser).logIn(t, m, goodFor(time.Hour))
		lines := h.logs.FilterMessage("audit").FilterField(zap.String("event", "ended")).All()
		if len(lines) != 1 || h.reports.all[outcome.EndIdle] != 1 {
			t.Fatalf("%d lines, and counted are %v", len(lines), h.reports.all)
		}
		if got := lines[0].ContextMap(); got["reason"] != "idle" || got["user"] != "ada" || got["session"] != lost.Label() || got["result"] != "observed" {
			t.Errorf("the line is %v", got)
		}
	})
}

// TestEndsInTheListOfTheirUser lets an operator end all sessions: the next list of a user's sessions finds those in the index that are
// gone, and says and counts why.
func TestEndsInTheListOfTheirUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newEndHouse(t, nil)
		gone := new(browser).logIn(t, h.first, goodFor(time.Hour))
		pass(2 * time.Second)
		_, err := h.manager(t).Operator().EndAll(t.Context())
		check(t, err)
		pass(2 * time.Minute)
		if all, err := h.second.Operator().ExplainUser(t.Context(), "ada"); err != nil || len(all) != 1 || all[0].Reason != outcome.EndOperator {
			t.Errorf("explained are %+v, %v", all, err)
		}
		list, err := h.second.Sessions(t.Context(), "ada")
		if err != nil || len(list) != 0 || len(h.reports.all) != 1 || h.reports.all[outcome.EndOperator] != 1 {
			t.Errorf("the list has %v, %v, and counted are %v", list, err, h.reports.all)
		}
		if x, found, err := h.second.Operator().ExplainHandle(t.Context(), gone.Handle()); !found || err != nil || x.Reason != outcome.EndOperator {
			t.Errorf("explained is %+v, %v, %v", x, found, err)
		}
	})
}

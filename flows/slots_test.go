package flows

import (
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/secret"
	"stagedoor/session/sessiontest"
)

// stuckExchanges holds up every call that redeems a code, and none that refreshes.
type stuckExchanges struct {
	finish         chan struct{}
	underWay, most atomic.Int32
}

func (s *stuckExchanges) wrap(g *gateway) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PostForm.Get("grant_type") == "authorization_code" {
			now := s.underWay.Add(1)
			for was := s.most.Load(); now > was && !s.most.CompareAndSwap(was, now); was = s.most.Load() {
			}
			<-s.finish
			s.underWay.Add(-1)
		}
		g.spotify.issue("streaming")(w, r)
	}
}

// A hundred callbacks at once with invented codes, while the token endpoint delays each that redeems one: logins hold a
// quarter of the slots, every refresh goes through, and a login that found no slot has used nothing up.
func TestRefreshesComeBeforeLogins(t *testing.T) {
	const callbacks, refreshes, concurrency = 100, 30, 8
	const share = concurrency / 4
	g := newGateway(t, func(o *Options) { o.Config.TokenConcurrency, o.Config.TokenTimeout = concurrency, 5*time.Minute })
	stuck := &stuckExchanges{finish: make(chan struct{})}
	release := sync.OnceFunc(func() { close(stuck.finish) })
	defer release()
	browsers, queries := make([]*browser, callbacks), make([]url.Values, callbacks)
	for i := range callbacks {
		browsers[i] = g.browser()
		queries[i] = consented(browsers[i].begin("").Get("state"))
	}
	g.spotify.answerToken(stuck.wrap(g))
	answers := make([]answer, callbacks)
	var logins sync.WaitGroup
	var answered atomic.Int32
	for i := range callbacks {
		logins.Go(func() {
			answers[i] = browsers[i].callback(queries[i])
			answered.Add(1)
		})
	}
	sessiontest.Eventually(t, time.Minute, "logins hold all slots that they may", func() bool { return stuck.underWay.Load() == share })

	var group sync.WaitGroup
	for i := range refreshes {
		group.Go(func() {
			if _, err := g.options.Tokens.Refresh(t.Context(), secret.New(fmt.Sprint("refresh-", i))); err != nil {
				t.Errorf("a refresh beside the logins: %v", err)
			}
		})
	}
	group.Wait()
	sessiontest.Eventually(t, time.Minute, "the other logins give up", func() bool { return answered.Load() == callbacks-share })
	if marks, _ := g.store.writes(); marks != share || stuck.most.Load() != share {
		t.Errorf("%d states were used up for %d calls at a time, want %d of both", marks, stuck.most.Load(), share)
	}
	if calls, _ := g.spotify.received(); len(calls) != refreshes+share {
		t.Errorf("there were %d token calls, want %d", len(calls), refreshes+share)
	}
	release()
	logins.Wait()
	again := 0
	for i, a := range answers {
		if a.StatusCode == http.StatusSeeOther {
			continue
		}
		browsers[i].expect(a, http.StatusServiceUnavailable, httperror.TokenEndpointUnavailable)
		if a.Header.Get("Retry-After") != "2" || len(a.Cookies()) != 0 {
			t.Errorf("Retry-After is %q, the cookies are %v", a.Header.Get("Retry-After"), a.Cookies())
		}
		if again++; again <= 20 { // the same page, loaded again
			browsers[i].expect(browsers[i].callback(queries[i]), http.StatusSeeOther, "")
		}
	}
}

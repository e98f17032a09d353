package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestWritesPassAlone checks that what changes something is never joined, never answered from what is kept, and never repeated.
func TestWritesPassAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener, quota: `reuse: [{path: "**", for: 1h}]`})
	v := w.visitor()
	v.login("ada")
	slow := w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Linger: 300 * time.Millisecond})
	w.spotify.ForgetSeen()
	for method, path := range map[string]string{http.MethodPut: "/api/me/tracks?ids=a", http.MethodDelete: "/api/me/tracks?ids=b"} {
		if said := v.stormOf(method, 10, path); len(said) != 1 {
			t.Errorf("%s %s: the answers were %v", method, path, said)
		}
	}
	if calls := len(w.calls("/v1/me/tracks")); calls != 20 {
		t.Errorf("%d calls for 20 writes", calls)
	}
	w.spotify.ClearFault(slow)
	for name, f := range map[string]simulator.Fault{
		"cut after it was carried out": {Action: simulator.ActionReset, Execute: true},
		"an error":                     {Status: 503, Body: "{}"},
		"limited":                      {Status: 429, Body: "{}", Header: http.Header{"Retry-After": {"1"}}},
	} {
		f.Match, f.Times = simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, 1
		w.fault(f)
		w.spotify.ForgetSeen()
		a := v.do(http.MethodPut, "/api/me/tracks?ids=c", "")
		if calls := len(w.calls("/v1/me/tracks")); calls != 1 {
			t.Errorf("%s: answered %s after %d calls", name, a.summary(), calls)
		}
	}
}

// stormOf sends equal requests all at once and counts what was said.
func (v *visitor) stormOf(method string, requests int, path string, headers ...string) map[string]int {
	var (
		mu    sync.Mutex // guards said
		said  = map[string]int{}
		group sync.WaitGroup
		begin = make(chan struct{})
	)
	for range requests {
		group.Go(func() {
			<-begin
			a, err := v.try(method, path, "", headers...)
			if err != nil {
				v.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			said[a.summary()]++
		})
	}
	close(begin)
	group.Wait()
	return said
}

// TestWriteDropsWhatAllReplicasKeep keeps an answer on three replicas and writes on one: there it is gone when the write is
// answered, on the others within 300 ms. A write that was rejected drops nothing, nor does another session's.
func TestWriteDropsWhatAllReplicasKeep(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 3, spotify: listener})
	w.fresh("/v1/me")
	v, other := w.visitor(), w.visitor()
	v.login("ada")
	other.login("ben")
	keep := func(v *visitor) {
		for i := range w.replicas {
			v.at(i, http.MethodGet, "/api/me/playlists")
			v.at(i, http.MethodGet, "/api/me/playlists").expectFrom(t, "kept", "hit")
		}
	}
	keep(other)
	for round := range 5 {
		keep(v)
		if a := v.at(round%3, http.MethodPut, "/api/me/tracks?ids=not-an-id"); a.status != http.StatusBadRequest {
			t.Fatalf("a wrong write answered %d", a.status)
		}
		v.at(round%3, http.MethodGet, "/api/me/playlists").expectFrom(t, "after a write that was rejected", "hit")
		w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodPut}, Times: 1, Status: http.StatusNoContent})
		v.at(round%3, http.MethodPut, "/api/me/player/pause").expect(t, "a write", http.StatusNoContent, "")
		written := time.Now()
		v.at(round%3, http.MethodGet, "/api/me/playlists").expectFrom(t, "where the write was", "fwd=uri-miss")
		for i := range w.replicas {
			if i == round%3 {
				continue
			}
			until(t, written.Add(300*time.Millisecond))
			v.at(i, http.MethodGet, "/api/me/playlists").expectFrom(t, "on another replica", "fwd=uri-miss")
		}
	}
	for i := range w.replicas {
		other.at(i, http.MethodGet, "/api/me/playlists").expectFrom(t, "somebody else's", "hit")
	}
}

// TestNothingReachesAnotherSession lets many users log in, log out, step up and ask who they are and what they have on three
// replicas at random, while everything is kept for long.
func TestNothingReachesAnotherSession(t *testing.T) {
	t.Parallel()
	const users = 24
	w := newWorld(t, options{replicas: 3, users: users, spotify: listener, quota: `reuse: [{path: "**", for: 1h}]`})
	var (
		group   sync.WaitGroup
		consent sync.Mutex // the simulator consents as one user at a time
		kept    atomic.Int64
	)
	end := time.Now().Add(6 * time.Second)
	for n, user := range fans(users) {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		group.Go(func() {
			v := w.visitor()
			enter := func(path string) {
				consent.Lock()
				defer consent.Unlock()
				if err := w.spotify.SetConsent(simulator.Consent{User: user.ID}); err != nil {
					t.Error(err)
				}
				if a, err := v.try(http.MethodGet, path, ""); err != nil || a.status != http.StatusOK {
					t.Errorf("%s: %s answered %d, %v", user.ID, path, a.status, err)
				}
				if a, err := v.tryAt(random.IntN(3), http.MethodGet, "/api/me"); err != nil || a.from() == "hit" {
					t.Errorf("%s: the first answer of a session is %q, %v", user.ID, a.from(), err)
				}
			}
			enter("/auth/login")
			for time.Now().Before(end) {
				switch random.IntN(40) {
				case 0:
					enter("/auth/login")
				case 1:
					enter("/auth/login?scope=user-follow-read")
				case 2:
					if _, err := v.try(http.MethodPost, "/auth/logout", ""); err != nil {
						t.Error(err)
					}
					for i := range w.replicas {
						if i == 0 {
							until(t, time.Now().Add(100*time.Millisecond))
						}
						if a, err := v.tryAt(i, http.MethodGet, "/api/me"); err != nil || a.status != http.StatusUnauthorized {
							t.Errorf("%s: after the logout replica %d answers %d, %v", user.ID, i, a.status, err)
						}
					}
					enter("/auth/login")
				default:
					a, err := v.tryAt(random.IntN(3), http.MethodGet, "/api/me")
					var me struct{ ID string }
					if err != nil || a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &me) != nil || me.ID != user.ID {
						t.Errorf("%s was told %d %s, %v", user.ID, a.status, a.body, err)
					}
					if a.from() == "hit" {
						kept.Add(1)
					}
				}
			}
		})
	}
	group.Wait()
	if kept.Load() < 200 {
		t.Errorf("only %d answers were kept ones", kept.Load())
	}
}

// TestAccountOfAnotherOwnerStartsEmpty connects an account anew, as somebody else.
func TestAccountOfAnotherOwnerStartsEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{replicas: 2, accounts: radio, quota: `reuse: [{path: "**", for: 1h}]`, routes: pages{}.route(t,
		"{path: /radio/, upstream: spotify, credentials: account:radio, methods: [GET], allow: [me, me/player/currently-playing]}", userRoute)})
	stranger := w.visitor()
	for _, owner := range []string{"ada", "ben"} {
		w.connectAccount(t, "radio", owner)
		for i := range w.replicas {
			sessiontest.Eventually(t, 3*time.Second, owner+" is the owner on each replica", func() bool {
				return strings.Contains(stranger.at(i, http.MethodGet, "/radio/me").body, `"`+owner+`"`)
			})
			stranger.at(i, http.MethodGet, "/radio/me").expectFrom(t, "kept", "hit")
		}
	}
	w.operate(t, "accounts", "remove", "radio")
	for i := range w.replicas {
		sessiontest.Eventually(t, 3*time.Second, "nothing is served of an account that was removed", func() bool {
			return stranger.at(i, http.MethodGet, "/radio/me").status == http.StatusUnauthorized
		})
	}
}

// TestEqualRequestsShareACall sends equal GETs at once, of which the first leaves; others ask with other headers.
func TestEqualRequestsShareACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener})
	v := w.visitor()
	v.login("ada")
	w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Delay: time.Second})
	w.spotify.ForgetSeen()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, v.origin+"/api/me/tracks", nil)
		_, err := v.client.Do(request)
		left <- err
	}()
	seen, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if _, err := w.spotify.AwaitSeen(seen, simulator.Filter{Match: simulator.Match{Path: "/v1/me/tracks"}}, 1); err != nil {
		t.Fatal(err)
	}
	said := make(chan map[string]int)
	go func() { said <- v.stormOf(http.MethodGet, 20, "/api/me/tracks") }()
	sessiontest.Eventually(t, 10*time.Second, "the others have joined", func() bool {
		return w.replicas[0].metric("stagedoor_http_requests_in_flight") > 10 || len(w.calls("/v1/me/tracks")) > 0 && time.Since(w.calls("/v1/me/tracks")[0].At) > 500*time.Millisecond
	})
	leave()
	if err := <-left; err == nil {
		t.Error("the first client did not leave")
	}
	if got := <-said; got["200"] != 20 {
		t.Errorf("the others got %v", got)
	}
	if calls := len(w.calls("/v1/me/tracks")); calls != 1 {
		t.Errorf("%d calls for equal requests", calls)
	}
	w.spotify.ForgetSeen()
	v.stormOf(http.MethodGet, 4, "/api/me/tracks", "Range", "bytes=0-10")
	v.stormOf(http.MethodGet, 4, "/api/me/tracks", "Accept-Language", "de")
	if calls := len(w.calls("/v1/me/tracks")); calls != 2 {
		t.Errorf("%d calls for requests of two kinds", calls)
	}
}

// TestWithoutACache turns keeping and joining off.
func TestWithoutACache(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener, quota: "cache: 0\nwait: 0s\nreuse: [{path: \"**\", for: 1h}]"})
	fresh := w.fresh("/v1/me/playlists")
	v := w.visitor()
	v.login("ada")
	slow := w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Delay: 300 * time.Millisecond})
	w.spotify.ForgetSeen()
	v.stormOf(http.MethodGet, 5, "/api/me/tracks")
	v.get("/api/me/playlists").expectFrom(t, "a GET", "fwd=bypass")
	tag := v.get("/api/me/playlists").header.Get("Etag")
	if a := v.get("/api/me/playlists", "If-None-Match", tag); a.status != http.StatusNotModified {
		t.Errorf("If-None-Match: %d", a.status)
	}
	if calls := len(w.calls("")); calls != 8 {
		t.Errorf("%d calls for 8 requests", calls)
	}
	w.spotify.ClearFault(slow)
	w.spotify.ClearFault(fresh)
	w.reject("/v1/me/tracks", "1")
	if a := v.get("/api/me/tracks"); a.status != 429 || a.reason() != "" || a.header.Get("Retry-After") != "1" {
		t.Errorf("Spotify's 429 comes as %d %s", a.status, a.reason())
	}
	v.get("/api/me").expect(t, "the gate", 429, "RATE_LIMITED")
}

// TestConditionsAndRangesPass checks that what a client asks of Spotify beside the address gets there, and the answer back.
func TestConditionsAndRangesPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener})
	v := w.visitor()
	v.login("ada")
	tag := v.get("/api/me/playlists").header.Get("Etag")
	v.do(http.MethodPut, "/api/me/player/pause", "") // drops what is kept, if it is not rejected
	w.spotify.ForgetSeen()
	a := v.get("/api/me/playlists?limit=50", "If-None-Match", `"other"`)
	if a.status != 200 || w.calls("/v1/me/playlists")[0].Header.Get("If-None-Match") != `"other"` {
		t.Errorf("a condition: %d, %v", a.status, w.calls("/v1/me/playlists")[0].Header)
	}
	for range 2 {
		a = v.get("/api/me/playlists", "If-None-Match", tag)
		if a.status != http.StatusNotModified || a.body != "" || a.header.Get("Content-Length") != "" {
			t.Errorf("304: %d %v %q", a.status, a.header, a.body)
		}
	}
	w.fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Status: http.StatusPartialContent, Body: "0123456789",
		Header: http.Header{"Content-Range": {"bytes 0-9/100"}, "Cache-Control": {"max-age=60"}},
	})
	for range 2 {
		a = v.get("/api/me/tracks", "Range", "bytes=0-9")
		if a.status != http.StatusPartialContent || a.header.Get("Content-Range") != "bytes 0-9/100" || a.body != "0123456789" || a.from() != "fwd=uri-miss" {
			t.Errorf("a range: %d %v %q", a.status, a.header, a.body)
		}
	}
	v.get("/api/me/tracks", "Cache-Control", "only-if-cached").expect(t, "a part is not kept", 504, "NOT_CACHED")
}

// TestLongAnswersAreNotShared asks for 3 MiB at once, which nobody keeps, and for a bit less than 1 MiB.
func TestLongAnswersAreNotShared(t *testing.T) {
	t.Parallel()
	w := newWorld(t, options{spotify: listener, quota: `reuse: [{path: "**", for: 1h}]`})
	v := w.visitor()
	v.login("ada")
	for path, size := range map[string]int64{"/v1/me/tracks": 3 << 20, "/v1/me/albums": 1<<20 - 10} {
		w.fault(simulator.Fault{
			Match: simulator.Match{Side: simulator.SideAPI, Path: path}, Linger: 300 * time.Millisecond, Status: 200, Body: "0123456789abcdef", Size: size,
			Header: http.Header{"Content-Type": {"text/plain"}},
		})
		w.spotify.ForgetSeen()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				a, err := v.try(http.MethodGet, strings.Replace(path, "/v1", "/api", 1), "")
				if err != nil || int64(len(a.body)) != size {
					t.Errorf("%s: %d bytes, %v", path, len(a.body), err)
				}
			})
		}
		group.Wait()
		calls := len(w.calls(path))
		if size > 1<<20 && calls != 5 || size < 1<<20 && calls != 1 {
			t.Errorf("%d calls for five times %d bytes", calls, size)
		}
	}
	if bytes := w.replicas[0].metric("stagedoor_cache_bytes"); bytes < 1<<20-10 || bytes > 2<<20 {
		t.Errorf("%v bytes are kept", bytes)
	}
}

// TestCacheStaysWithinItsBytes asks for many different things.
func TestCacheStaysWithinItsBytes(t *testing.T) {
	t.Parallel()
	urls := 2000
	if *faultsMode == "full" {
		urls = 100_000
	}
	w := newWorld(t, options{spotify: listener, quota: "cache: 1MiB\nreuse: [{path: \"**\", for: 1h}]"})
	v := w.visitor()
	v.login("ada")
	w.fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Status: 200, Body: strings.Repeat("x", 2000)})
	ask := func(n int) { v.get(fmt.Sprint("/api/me/tracks?offset=", n)) }
	for n := range urls / 4 {
		ask(n)
	}
	before := w.replicas[0].metric("process_resident_memory_bytes")
	for n := range urls {
		ask(n)
	}
	held, grown := w.replicas[0].metric("stagedoor_cache_bytes"), w.replicas[0].metric("process_resident_memory_bytes")-before
	t.Logf("%d addresses: %.0f bytes are kept, the process grew by %.1f MB", urls, held, grown/1e6)
	if held > 1<<20 || held < 1<<19 {
		t.Errorf("%.0f bytes are kept of %d", held, 1<<20)
	}
	if grown > 20e6 {
		t.Errorf("the process grew by %.0f bytes", grown)
	}
	v.get("/api/me/tracks?offset="+fmt.Sprint(urls-1)).expectFrom(t, "what was used last", "hit")
	v.get("/api/me/tracks?offset=0").expectFrom(t, "what was used longest ago", "fwd=uri-miss")
}

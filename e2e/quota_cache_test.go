package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestWritesPassAlone checks that what changes something is never joined, never answered from what is kept, and never repeated.
func TestWritesPassAlone(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: `reuse: [{path: "**", for: 1h}]`})
	v := w.Visitor()
	v.Login("ada")
	slow := w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Linger: 300 * time.Millisecond})
	w.Spotify.ForgetSeen()
	for method, path := range map[string]string{http.MethodPut: "/api/me/tracks?ids=a", http.MethodDelete: "/api/me/tracks?ids=b"} {
		if said := stormOf(v, method, 10, path); len(said) != 1 {
			t.Errorf("%s %s: the answers were %v", method, path, said)
		}
	}
	if calls := len(w.Calls("/v1/me/tracks")); calls != 20 {
		t.Errorf("%d calls for 20 writes", calls)
	}
	w.Spotify.ClearFault(slow)
	for _, f := range []simulator.Fault{
		{Name: "cut after it was carried out", Action: simulator.ActionReset, Execute: true},
		{Name: "an error", Status: 503, Body: "{}"},
		{Name: "limited", Status: 429, Body: "{}", Header: http.Header{"Retry-After": {"1"}}}, // the last, because it closes the gate
	} {
		f.Match, f.Times = simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, 1
		w.Fault(f)
		w.Spotify.ForgetSeen()
		a := v.Do(http.MethodPut, "/api/me/tracks?ids=c", "")
		if calls := len(w.Calls("/v1/me/tracks")); calls != 1 {
			t.Errorf("%s: answered %s after %d calls", f.Name, a.Summary(), calls)
		}
	}
}

// stormOf sends equal requests all at once and counts what was said.
func stormOf(v *stage.Visitor, method string, requests int, path string, headers ...string) map[string]int {
	var (
		mu    sync.Mutex // guards said
		said  = map[string]int{}
		group sync.WaitGroup
		begin = make(chan struct{})
	)
	for range requests {
		group.Go(func() {
			<-begin
			a, err := v.Try(method, path, "", headers...)
			if err != nil {
				v.T.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			said[a.Summary()]++
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
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Spotify: stage.Listener})
	fresh(w, "/v1/me")
	v, other := w.Visitor(), w.Visitor()
	v.Login("ada")
	other.Login("ben")
	keep := func(v *stage.Visitor) {
		for i := range w.Replicas {
			v.At(i, http.MethodGet, "/api/me/playlists")
			expectFrom(v.At(i, http.MethodGet, "/api/me/playlists"), t, "kept", "hit")
		}
	}
	keep(other)
	for round := range 5 {
		keep(v)
		if a := v.At(round%3, http.MethodPut, "/api/me/tracks?ids=not-an-id"); a.Status != http.StatusBadRequest {
			t.Fatalf("a wrong write answered %d", a.Status)
		}
		expectFrom(v.At(round%3, http.MethodGet, "/api/me/playlists"), t, "after a write that was rejected", "hit")
		w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodPut}, Times: 1, Status: http.StatusNoContent})
		v.At(round%3, http.MethodPut, "/api/me/player/pause").Expect(t, "a write", http.StatusNoContent, "")
		written := time.Now()
		expectFrom(v.At(round%3, http.MethodGet, "/api/me/playlists"), t, "where the write was", "fwd=uri-miss")
		for i := range w.Replicas {
			if i == round%3 {
				continue
			}
			stage.Until(t, written.Add(300*time.Millisecond))
			expectFrom(v.At(i, http.MethodGet, "/api/me/playlists"), t, "on another replica", "fwd=uri-miss")
		}
	}
	for i := range w.Replicas {
		expectFrom(other.At(i, http.MethodGet, "/api/me/playlists"), t, "somebody else's", "hit")
	}
}

// TestNothingReachesAnotherSession lets many users log in, log out, step up and ask who they are and what they have on three
// replicas at random, while everything is kept for long.
func TestNothingReachesAnotherSession(t *testing.T) {
	t.Parallel()
	const users = 24
	w := stage.NewWorld(t, stage.Options{Replicas: 3, Users: users, Spotify: stage.Listener, Quota: `reuse: [{path: "**", for: 1h}]`})
	var (
		group   sync.WaitGroup
		consent sync.Mutex // the simulator consents as one user at a time
		kept    atomic.Int64
	)
	end := time.Now().Add(6 * time.Second)
	for n, user := range stage.Fans(users) {
		random := rand.New(rand.NewPCG(1, uint64(n)))
		group.Go(func() {
			v := w.Visitor()
			enter := func(path string) {
				consent.Lock()
				defer consent.Unlock()
				if err := w.Spotify.SetConsent(simulator.Consent{User: user.ID}); err != nil {
					t.Error(err)
				}
				if a, err := v.Try(http.MethodGet, path, ""); err != nil || a.Status != http.StatusOK {
					t.Errorf("%s: %s answered %d, %v", user.ID, path, a.Status, err)
				}
				if a, err := v.TryAt(random.IntN(3), http.MethodGet, "/api/me"); err != nil || a.From() == "hit" {
					t.Errorf("%s: the first answer of a session is %q, %v", user.ID, a.From(), err)
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
					if _, err := v.Try(http.MethodPost, "/auth/logout", ""); err != nil {
						t.Error(err)
					}
					for i := range w.Replicas {
						if i == 0 {
							stage.Until(t, time.Now().Add(100*time.Millisecond))
						}
						if a, err := v.TryAt(i, http.MethodGet, "/api/me"); err != nil || a.Status != http.StatusUnauthorized {
							t.Errorf("%s: after the logout replica %d answers %d, %v", user.ID, i, a.Status, err)
						}
					}
					enter("/auth/login")
				default:
					a, err := v.TryAt(random.IntN(3), http.MethodGet, "/api/me")
					var me struct{ ID string }
					if err != nil || a.Status != http.StatusOK || json.Unmarshal([]byte(a.Body), &me) != nil || me.ID != user.ID {
						t.Errorf("%s was told %d %s, %v", user.ID, a.Status, a.Body, err)
					}
					if a.From() == "hit" {
						kept.Add(1)
					}
				}
			}
		})
	}
	group.Wait()
	if kept.Load() == 0 { // how many depends on the machine
		t.Error("no answer was a kept one")
	}
}

// TestAccountOfAnotherOwnerStartsEmpty connects an account anew, as somebody else.
func TestAccountOfAnotherOwnerStartsEmpty(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Replicas: 2, Accounts: stage.Radio, Quota: `reuse: [{path: "**", for: 1h}]`, Routes: stage.Pages{}.Route(t,
		"{path: /radio/, upstream: spotify, credentials: account:radio, methods: [GET], allow: [me, me/player/currently-playing]}", stage.UserRoute)})
	stranger := w.Visitor()
	for _, owner := range []string{"ada", "ben"} {
		w.ConnectAccount(t, "radio", owner)
		for i := range w.Replicas {
			sessiontest.Eventually(t, 3*time.Second, owner+" is the owner on each replica", func() bool {
				return strings.Contains(stranger.At(i, http.MethodGet, "/radio/me").Body, `"`+owner+`"`)
			})
			expectFrom(stranger.At(i, http.MethodGet, "/radio/me"), t, "kept", "hit")
		}
	}
	w.Operate(t, "accounts", "remove", "radio")
	for i := range w.Replicas {
		sessiontest.Eventually(t, 3*time.Second, "nothing is served of an account that was removed", func() bool {
			return stranger.At(i, http.MethodGet, "/radio/me").Status == http.StatusUnauthorized
		})
	}
}

// TestEqualRequestsShareACall sends equal GETs at once, of which the first leaves; others ask with other headers.
func TestEqualRequestsShareACall(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener})
	v := w.Visitor()
	v.Login("ada")
	w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Delay: time.Second})
	w.Spotify.ForgetSeen()
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, v.Origin+"/api/me/tracks", nil)
		_, err := v.Client.Do(request)
		left <- err
	}()
	seen, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	if _, err := w.Spotify.AwaitSeen(seen, simulator.Filter{Match: simulator.Match{Path: "/v1/me/tracks"}}, 1); err != nil {
		t.Fatal(err)
	}
	said := make(chan map[string]int)
	go func() { said <- stormOf(v, http.MethodGet, 20, "/api/me/tracks") }()
	sessiontest.Eventually(t, 10*time.Second, "the others have joined", func() bool {
		return w.Replicas[0].Metric("stagedoor_http_requests_in_flight") > 10 || len(w.Calls("/v1/me/tracks")) > 0 && time.Since(w.Calls("/v1/me/tracks")[0].At) > 500*time.Millisecond
	})
	leave()
	if err := <-left; err == nil {
		t.Error("the first client did not leave")
	}
	if got := <-said; got["200"] != 20 {
		t.Errorf("the others got %v", got)
	}
	if calls := len(w.Calls("/v1/me/tracks")); calls != 1 {
		t.Errorf("%d calls for equal requests", calls)
	}
	w.Spotify.ForgetSeen()
	stormOf(v, http.MethodGet, 4, "/api/me/tracks", "Range", "bytes=0-10")
	stormOf(v, http.MethodGet, 4, "/api/me/tracks", "Accept-Language", "de")
	if calls := len(w.Calls("/v1/me/tracks")); calls != 2 {
		t.Errorf("%d calls for requests of two kinds", calls)
	}
}

// TestWithoutACache turns keeping and joining off.
func TestWithoutACache(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: "cache: 0\nwait: 0s\nreuse: [{path: \"**\", for: 1h}]"})
	fresh := fresh(w, "/v1/me/playlists")
	v := w.Visitor()
	v.Login("ada")
	slow := w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Delay: 300 * time.Millisecond})
	w.Spotify.ForgetSeen()
	stormOf(v, http.MethodGet, 5, "/api/me/tracks")
	expectFrom(v.Get("/api/me/playlists"), t, "a GET", "fwd=bypass")
	tag := v.Get("/api/me/playlists").Header.Get("Etag")
	if a := v.Get("/api/me/playlists", "If-None-Match", tag); a.Status != http.StatusNotModified {
		t.Errorf("If-None-Match: %d", a.Status)
	}
	if calls := len(w.Calls("")); calls != 8 {
		t.Errorf("%d calls for 8 requests", calls)
	}
	w.Spotify.ClearFault(slow)
	w.Spotify.ClearFault(fresh)
	reject(w, "/v1/me/tracks", "1")
	if a := v.Get("/api/me/tracks"); a.Status != 429 || a.Reason() != "" || a.Header.Get("Retry-After") != "1" {
		t.Errorf("Spotify's 429 comes as %d %s", a.Status, a.Reason())
	}
	v.Get("/api/me").Expect(t, "the gate", 429, "RATE_LIMITED")
}

// TestConditionsAndRangesPass checks that what a client asks of Spotify beside the address gets there, and the answer back.
func TestConditionsAndRangesPass(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener})
	v := w.Visitor()
	v.Login("ada")
	tag := v.Get("/api/me/playlists").Header.Get("Etag")
	v.Do(http.MethodPut, "/api/me/player/pause", "") // drops what is kept, if it is not rejected
	w.Spotify.ForgetSeen()
	a := v.Get("/api/me/playlists?limit=50", "If-None-Match", `"other"`)
	if a.Status != 200 || w.Calls("/v1/me/playlists")[0].Header.Get("If-None-Match") != `"other"` {
		t.Errorf("a condition: %d, %v", a.Status, w.Calls("/v1/me/playlists")[0].Header)
	}
	for range 2 {
		a = v.Get("/api/me/playlists", "If-None-Match", tag)
		if a.Status != http.StatusNotModified || a.Body != "" || a.Header.Get("Content-Length") != "" {
			t.Errorf("304: %d %v %q", a.Status, a.Header, a.Body)
		}
	}
	w.Fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Status: http.StatusPartialContent, Body: "0123456789",
		Header: http.Header{"Content-Range": {"bytes 0-9/100"}, "Cache-Control": {"max-age=60"}},
	})
	for range 2 {
		a = v.Get("/api/me/tracks", "Range", "bytes=0-9")
		if a.Status != http.StatusPartialContent || a.Header.Get("Content-Range") != "bytes 0-9/100" || a.Body != "0123456789" || a.From() != "fwd=bypass" {
			t.Errorf("a range: %d %v %q", a.Status, a.Header, a.Body)
		}
	}
	v.Get("/api/me/tracks", "Cache-Control", "only-if-cached").Expect(t, "a part is not kept", 504, "NOT_CACHED")
}

// TestLongAnswersAreNotShared asks for 3 MiB at once, which is not kept, and for a bit less than 1 MiB.
func TestLongAnswersAreNotShared(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: `reuse: [{path: "**", for: 1h}]`})
	v := w.Visitor()
	v.Login("ada")
	for path, size := range map[string]int64{"/v1/me/tracks": 3 << 20, "/v1/me/albums": 1<<20 - 10} {
		w.Fault(simulator.Fault{
			Match: simulator.Match{Side: simulator.SideAPI, Path: path}, Linger: 300 * time.Millisecond, Status: 200, Body: "0123456789abcdef", Size: size,
			Header: http.Header{"Content-Type": {"text/plain"}},
		})
		w.Spotify.ForgetSeen()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				a, err := v.Try(http.MethodGet, strings.Replace(path, "/v1", "/api", 1), "")
				if err != nil || int64(len(a.Body)) != size {
					t.Errorf("%s: %d bytes, %v", path, len(a.Body), err)
				}
			})
		}
		group.Wait()
		calls := len(w.Calls(path))
		if size > 1<<20 && calls != 5 || size < 1<<20 && calls != 1 {
			t.Errorf("%d calls for five times %d bytes", calls, size)
		}
	}
	if bytes := w.Replicas[0].Metric("stagedoor_cache_bytes"); bytes < 1<<20-10 || bytes > 2<<20 {
		t.Errorf("%v bytes are kept", bytes)
	}
}

// TestCacheStaysWithinItsBytes asks for many different things.
func TestCacheStaysWithinItsBytes(t *testing.T) {
	stage.OnlyLong(t, "thousands of addresses")
	t.Parallel()
	urls := 2000
	if stage.Long() {
		urls = 10_000
	}
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: "cache: 1MiB\nreuse: [{path: \"**\", for: 1h}]"})
	v := w.Visitor()
	v.Login("ada")
	w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Status: 200, Body: strings.Repeat("x", 2000)})
	ask := func(n int) { v.Get(fmt.Sprint("/api/me/tracks?offset=", n)) }
	for n := range urls / 4 {
		ask(n)
	}
	before := w.Replicas[0].Metric("process_resident_memory_bytes")
	for n := range urls {
		ask(n)
	}
	held, grown := w.Replicas[0].Metric("stagedoor_cache_bytes"), w.Replicas[0].Metric("process_resident_memory_bytes")-before
	t.Logf("%d addresses: %.0f bytes are kept, the process grew by %.1f MB", urls, held, grown/1e6)
	if held > 1<<20 || held < 1<<19 {
		t.Errorf("%.0f bytes are kept of %d", held, 1<<20)
	}
	most := 20e6
	if slices.Contains(stage.BuildFlags, "-race") { // the race detector keeps a shadow of all memory
		most *= 5
	}
	if grown > most {
		t.Errorf("the process grew by %.0f bytes", grown)
	}
	expectFrom(v.Get("/api/me/tracks?offset="+fmt.Sprint(urls-1)), t, "what was used last", "hit")
	expectFrom(v.Get("/api/me/tracks?offset=0"), t, "what was used longest ago", "fwd=uri-miss")
}

// TestStreamsAreNotShared asks for a stream of events twice at once.
func TestStreamsAreNotShared(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Spotify: stage.Listener, Quota: `reuse: [{path: "**", for: 1h}]`})
	v := w.Visitor()
	v.Login("ada")
	w.Fault(simulator.Fault{
		Match: simulator.Match{Side: simulator.SideAPI, Path: "/v1/me/tracks"}, Linger: 300 * time.Millisecond, Status: 200,
		Body: "data: x\n\n", Header: http.Header{"Content-Type": {"text/event-stream"}},
	})
	w.Spotify.ForgetSeen()
	stormOf(v, http.MethodGet, 3, "/api/me/tracks")
	if calls := len(w.Calls("/v1/me/tracks")); calls != 3 {
		t.Errorf("%d calls for three streams", calls)
	}
	expectFrom(v.Get("/api/me/tracks"), t, "a stream", "fwd=uri-miss")
}

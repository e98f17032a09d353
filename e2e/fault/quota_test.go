package fault

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// appIsBanned has Spotify reject all calls of the app for a while, and for a second longer with each call during it.
func appIsBanned(r *trial) {
	users, ban := size(r, 6, 40), size(r, 4*time.Second, time.Minute)
	w := stage.NewWorld(r, stage.Options{Replicas: 3, Users: users, Spotify: stage.Listener})
	crowd := w.Crowd(users)
	for _, f := range crowd {
		for i := range w.Replicas {
			f.At(i, http.MethodGet, "/api/me/playlists")
		}
	}
	r.loaded("3 replicas, %d users, each asking 4 times a second: 9 of 10 times for what was asked before, else for something new; a ban of %v "+
		"that each call during it makes a second longer", users, ban)
	const slow = 300 * time.Millisecond
	if err := w.Spotify.SetRateLimit(simulator.RateLimit{Grow: simulator.Duration(time.Second)}); err != nil {
		r.Fatal(err)
	}
	w.Spotify.ForgetSeen()
	got := newLimitedAnswers()
	stop := make(chan struct{})
	var group sync.WaitGroup
	for n, f := range crowd {
		group.Go(func() {
			w.Steadily(4, stop, func(i int) {
				path := "/api/me/playlists"
				if i%10 == 9 {
					path = fmt.Sprint("/api/me/tracks?offset=", i)
				}
				begun := time.Now()
				a, err := f.TryAt((n+i)%3, http.MethodGet, path)
				got.add(a, err, begun)
			})
		})
	}
	stage.Until(r, time.Now().Add(2*time.Second))
	begun := time.Now()
	if err := w.Spotify.Ban(stage.ClientID, ban); err != nil {
		r.Fatal(err)
	}
	stage.Until(r, begun.Add(2*time.Second))
	w.Fault(simulator.Fault{Match: simulator.Match{Side: simulator.SideAPI}, Linger: slow}) // so that the first call can be told
	sessiontest.Eventually(r, 2*ban+time.Minute, "calls leave again", func() bool { return len(callsAfter(w, begun.Add(ban/2))) > 10 })
	close(stop)
	group.Wait()
	judgeBan(w, r, got, begun, ban, slow)
}

// judgeBan looks at the simulator's log of a ban, and at what users got.
func judgeBan(w *stage.World, r *trial, got *limitedAnswers, begun time.Time, ban, slow time.Duration) {
	var first time.Time // of the rejections
	early, late := 0, 0
	after := callsAfter(w, begun.Add(ban/2))
	for _, seen := range w.Calls("") {
		switch {
		case seen.At.Before(begun) || seen.Status != http.StatusTooManyRequests:
		case first.IsZero() || seen.At.Sub(first) < size(r, 2*time.Second, 100*time.Millisecond):
			if first.IsZero() {
				first = seen.At
			}
			early++
		default:
			late++
		}
	}
	r.expect("no call leaves from 100 ms after the first 429 on until the ban is over", late == 0, "%d left", late)
	alone := after[1].Sub(after[0])
	r.expect("one call goes first, the others when it was answered", alone >= slow, "the second left %v after the first", alone)
	r.expect("users get what is kept, or RATE_LIMITED with Retry-After", got.other == "" && got.storeAway == 0, "%s, %d times that there is no store", got.other, got.storeAway)
	r.expect("what is kept serves throughout", got.stale > 0 && got.oldest >= ban/2, "%d kept answers, the oldest %v old", got.stale, got.oldest)
	r.measure("%d calls were rejected before the gate was closed, %d during the ban; the first call after it left %s after its begin, the second %s after that; "+
		"of %d requests during the ban %d were kept ones, up to %s old, %d RATE_LIMITED, the slowest after %s", early, late,
		seconds(after[0].Sub(begun)), seconds(alone), got.count(begun, after[0]), got.stale, seconds(got.oldest), got.limited, seconds(got.slowest))
}

// callsAfter are the times of the calls since then that were not rejected.
func callsAfter(w *stage.World, begun time.Time) (times []time.Time) {
	for _, seen := range w.Calls("") {
		if !seen.At.Before(begun) && seen.Status != http.StatusTooManyRequests && seen.Done {
			times = append(times, seen.At)
		}
	}
	return times
}

// limitedAnswers are what users got while calls were limited. It is safe for concurrent use.
type limitedAnswers struct {
	mu              sync.Mutex // guards what follows
	begun           []time.Time
	stale, limited  int
	storeAway       int
	oldest, slowest time.Duration
	other           string // an answer that is not promised
}

func newLimitedAnswers() *limitedAnswers { return &limitedAnswers{} }

func (l *limitedAnswers) add(a stage.Answer, err error, begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun = append(l.begun, begun)
	l.slowest = max(l.slowest, time.Since(begun))
	age, _ := strconv.Atoi(a.Header.Get("Age"))
	switch {
	case err == nil && a.Status < 400:
		if a.From() == "hit; detail=stale" {
			l.stale++
			l.oldest = max(l.oldest, time.Duration(age)*time.Second)
		}
	case a.Summary() == "429 RATE_LIMITED" && a.Header.Get("Retry-After") != "":
		l.limited++
	case a.Summary() == stage.StoreAway && a.Header.Get("Retry-After") != "":
		l.storeAway++
	case a.Status == http.StatusTooManyRequests && a.Header.Get("Retry-After") != "": // Spotify's own, which closed the gate
	default:
		l.other = fmt.Sprint(a.Summary(), " ", err)
	}
}

// count is how many requests began in a time.
func (l *limitedAnswers) count(from, to time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, at := range l.begun {
		if at.After(from) && at.Before(to) {
			n++
		}
	}
	return n
}

package fault

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

const (
	// liveLease is how long the lease of a poller that died lives on.
	liveLease = 8 * time.Second
	// onePoll tells of the polls for the same session.
	onePoll = "never more than one poll a second for one session"
	// newest is what every stream gets in the end.
	newest = "the newest state arrives on every stream"
)

// listener is a fan with a stream on each replica. The first replica polls.
type listener struct {
	stage.Fan
	streams []*stage.Stream
}

// listeners are so many on three replicas, all of whom have a state.
func listeners(r *trial, count int) (*stage.World, []listener) {
	r.Helper()
	w := stage.NewWorld(r, stage.Options{
		Replicas: 3, Users: count, Spotify: stage.Listener, Routes: stage.Pages{}.Route(r, stage.LiveRoute, stage.UserRoute),
	})
	var all []listener
	for _, f := range w.Crowd(count) {
		play(w, r, f.User, simulator.Remote{Device: "Kitchen laptop", Action: "play"})
		l := listener{Fan: f}
		for i := range w.Replicas {
			w.Through(i)
			s := f.Listen("/live/me/player")
			s.State(0)
			l.streams = append(l.streams, s)
		}
		w.Through(-1)
		all = append(all, l)
	}
	w.Spotify.ForgetSeen()
	return w, all
}

func play(w *stage.World, r *trial, user string, remote simulator.Remote) {
	r.Helper()
	if err := w.Spotify.Remote(user, remote); err != nil {
		r.Fatal(err)
	}
}

// livePolls are the polls since ForgetSeen, for each user.
func livePolls(w *stage.World) map[string][]time.Time {
	polls := map[string][]time.Time{}
	for _, seen := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Side: simulator.SideAPI, Method: http.MethodGet, Path: "/v1/me/player", Exact: true}}) {
		user, _, _ := strings.Cut(seen.Token, "/")
		polls[user] = append(polls[user], seen.At)
	}
	return polls
}

// awaitDevice waits until the last state of a stream is of a device, and returns when that came.
func awaitDevice(s *stage.Stream, name string) time.Time {
	var at time.Time
	sessiontest.Eventually(s.T, time.Minute, "the state of "+name, func() bool {
		for _, e := range s.All() {
			var player struct{ Device struct{ Name string } }
			if e.Name == "state" && json.Unmarshal([]byte(e.Data), &player) == nil && player.Device.Name == name {
				at = e.At
				return true
			}
		}
		return false
	})
	return at
}

// expectFewPolls expects that no two polls for a session were close together, and returns the shortest time between two.
func expectFewPolls(r *trial, polls map[string][]time.Time) time.Duration {
	r.Helper()
	shortest := time.Hour
	for _, times := range polls {
		for i := 1; i < len(times); i++ {
			shortest = min(shortest, times[i].Sub(times[i-1]))
		}
	}
	r.expect(onePoll, shortest >= size(r, 500*time.Millisecond, time.Second), "two were %v apart", shortest)
	return shortest
}

// openStreams counts the streams of these replicas that have not ended.
func openStreams(all []listener, from int) (open int) {
	for _, l := range all {
		for _, s := range l.streams[from:] {
			select {
			case <-s.Done:
			default:
				open++
			}
		}
	}
	return open
}

// liveOverFrozenRedis freezes Redis under open streams, and changes what plays meanwhile.
func liveOverFrozenRedis(r *trial) {
	count, frozen := size(r, 3, 20), size(r, 5*time.Second, 30*time.Second)
	w, all := listeners(r, count)
	r.loaded("3 replicas, %d sessions with a stream on each; Redis is frozen for %v, and another device plays from the middle of it on", count, frozen)
	begun := time.Now()
	w.Redis.Pause()
	stage.Until(r, begun.Add(frozen/2))
	for _, l := range all {
		play(w, r, l.User, simulator.Remote{Device: "Shelf speaker", Action: "next"})
	}
	stage.Until(r, begun.Add(frozen))
	w.Redis.Resume()
	resumed := time.Now()
	var latest time.Duration
	delays := 0
	for _, l := range all {
		for _, s := range l.streams {
			latest = max(latest, awaitDevice(s, "Shelf speaker").Sub(resumed))
			delays += s.Count("delayed")
		}
	}
	stage.Until(r, resumed.Add(size(r, 4*time.Second, 15*time.Second)))
	r.expect("every stream stays open", openStreams(all, 0) == 3*count, "%d of %d are", openStreams(all, 0), 3*count)
	r.expect(newest, latest < r.within(liveLease+4*time.Second), "the last one came %v after Redis was back", latest)
	polls := livePolls(w)
	shortest := expectFewPolls(r, polls)
	after := 0
	for _, times := range polls {
		for _, at := range times {
			if at.After(resumed) {
				after++
			}
		}
	}
	r.expect("polls go on for every session", len(polls) == count && after >= count, "%d sessions were polled for, %d times afterwards", len(polls), after)
	r.measure("the last stream had the newest state %s after Redis was back; %d delays were told; two polls for a session at least %s apart, %d polls in the %s afterwards",
		seconds(max(0, latest)), delays, seconds(shortest), after, seconds(time.Since(resumed)))
}

// livePollerKilled kills the replica that polls, and looks when another one does.
func livePollerKilled(r *trial) {
	count := size(r, 3, 20)
	w, all := listeners(r, count)
	r.loaded("3 replicas, %d sessions with a stream on each; the replica that polls is killed, and another device plays", count)
	w.Replicas[0].Kill()
	killed := time.Now()
	for _, l := range all {
		play(w, r, l.User, simulator.Remote{Device: "Shelf speaker", Action: "next"})
	}
	var latest, slowest time.Duration
	for _, l := range all {
		for _, s := range l.streams[1:] {
			latest = max(latest, awaitDevice(s, "Shelf speaker").Sub(killed))
		}
	}
	polls := map[string][]time.Time{}
	for _, l := range all {
		sessiontest.Eventually(r, time.Minute, "polls go on", func() bool {
			polls = livePolls(w)
			return len(polls[l.User]) > size(r, 2, 4)
		})
	}
	for _, l := range all {
		first := time.Hour
		for _, at := range polls[l.User] {
			if at.After(killed) {
				first = min(first, at.Sub(killed))
			}
		}
		slowest = max(slowest, first)
	}
	r.expect("another replica polls within the lease + 1s", slowest < r.within(liveLease+time.Second), "it took %v", slowest)
	r.expect(newest, latest < r.within(liveLease+2*time.Second), "the last one came after %v", latest)
	r.expect("the streams of the other replicas stay open", openStreams(all, 1) == 2*count, "%d of %d are", openStreams(all, 1), 2*count)
	shortest := expectFewPolls(r, polls)
	r.measure("the first poll of another replica came after at most %s, the newest state on the last stream after %s; two polls for a session at least %s apart",
		seconds(slowest), seconds(latest), seconds(shortest))
}

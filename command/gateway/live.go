package gateway

import (
	"context"
	"strings"

	"stagedoor/config"
	"stagedoor/internal/metrics"
	"stagedoor/proxy/live"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// newLive makes the streams' hub, which shares its polls with the other replicas over Redis, if there is one.
func newLive(c config.Config, leases session.Leases, redis *redisstore.Store, counts *metrics.Metrics) *live.Hub {
	o := live.Options{Config: c.Live, Leases: leases, Metrics: counts}
	if redis != nil {
		o.Tell = redis.Tell
	}
	return live.NewHub(o)
}

// newsEnded begins the news that the grant of a session or an account has ended; its record key follows. Not every store reports
// that its record was written.
const newsEnded = "ended "

// grantEnded tells the streams of all replicas.
func (s *sessionStore) grantEnded(key string) {
	s.live.Changed(key)
	if s.redis != nil {
		go func() { _ = s.redis.Tell(context.Background(), newsEnded+key) }() // a replica that is not told looks within seconds
	}
}

// liveWatcher passes on the store's news, and gives the streams what concerns them.
type liveWatcher struct {
	session.Watcher
	hub *live.Hub
}

// Gone implements session.Watcher.
func (w liveWatcher) Gone(key string) {
	w.Watcher.Gone(key)
	w.hub.Gone(key)
}

// Changed implements session.Watcher.
func (w liveWatcher) Changed(key string) {
	w.Watcher.Changed(key)
	w.hub.Changed(key)
}

// Missed implements session.Watcher.
func (w liveWatcher) Missed() {
	w.Watcher.Missed()
	w.hub.Missed()
}

// Lost implements session.Watcher.
func (w liveWatcher) Lost() {
	w.Watcher.Lost()
	w.hub.Lost()
}

// Heard implements session.Listener.
func (w liveWatcher) Heard(text string) {
	if listener, listens := w.Watcher.(session.Listener); listens {
		listener.Heard(text)
	}
	if owner, wrote := strings.CutPrefix(text, newsWrote); wrote {
		w.hub.Wrote(owner)
	}
	if owner, ended := strings.CutPrefix(text, newsEnded); ended {
		w.Changed(owner)
	}
	w.hub.Heard(text)
}

// written has the streams of an owner poll after a write on this replica, besides the news to the others.
func written(hub *live.Hub, tell func(context.Context, string)) func(context.Context, string) {
	return func(ctx context.Context, owner string) {
		hub.Wrote(owner)
		if tell != nil {
			tell(ctx, owner)
		}
	}
}

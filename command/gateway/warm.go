package gateway

import (
	"context"
	"sync"
)

// warmth keeps a connection to Spotify's API and one to its token endpoint open, by one generation at a time. Its methods must
// not be called at the same time.
type warmth struct {
	cancel  context.CancelFunc // nil: none is kept open
	running sync.WaitGroup
}

// keep begins with the first generation.
func (w *warmth) keep(next *generation) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.running.Go(func() { next.transport.KeepWarm(ctx, next.config.Spotify.APIURL) })
	w.running.Go(func() { next.tokens.KeepWarm(ctx) })
}

// move goes on with another generation, unless nothing is kept open.
func (w *warmth) move(next *generation) {
	if w.cancel != nil {
		w.stop()
		w.keep(next)
	}
}

// stop ends that; open connections stay open.
func (w *warmth) stop() {
	if w.cancel != nil {
		w.cancel()
		w.running.Wait()
	}
}

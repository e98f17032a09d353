package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// commentEvery keeps proxies and readers from taking a quiet stream for a dead one.
	commentEvery = 15 * time.Second
	// retry is how long a reader waits before it connects again, in milliseconds.
	retry = "retry: 2000\n\n"
	// comment is a line that readers ignore.
	comment = ":\n\n"
	// spread is how far the readers of a replica that ends are spread out when they come back, in milliseconds.
	spread = 1000
)

// Header sets the header of a stream.
func Header(h http.Header) {
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would collect events
}

// Serve writes the listener's events until the stream ends, the reader leaves or a write fails. It tells how many events
// it has written. How long a write may take is the writer's to bound.
func (l *Listener) Serve(ctx context.Context, w http.ResponseWriter) (events int) {
	defer l.Close()
	metrics := l.topic.hub.options.Metrics
	metrics.StreamOpened()
	defer metrics.StreamClosed()
	out := writer{ResponseWriter: w, flush: http.NewResponseController(w).Flush}
	if !out.send([]byte(retry)) {
		return 0
	}
	quiet := time.NewTimer(commentEvery)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return events
		case <-quiet.C:
			if !out.send([]byte(comment)) {
				return events
			}
		case <-l.ready:
			news, drained, over := l.take()
			for _, e := range news {
				if !out.send(e.wire) {
					return events
				}
				events++
				metrics.Event(e.name)
			}
			if drained {
				out.send([]byte(Farewell()))
			}
			if over {
				return events
			}
		}
		quiet.Reset(commentEvery)
	}
}

// Farewell tells the reader of a replica that ends when to come back: not all of them at once.
func Farewell() string {
	return fmt.Sprintf("retry: %d\n\n", rand.N(spread+1)) //nolint:gosec // G404: no secret
}

// writer sends what is written at once.
type writer struct {
	http.ResponseWriter
	flush func() error
}

func (w writer) send(p []byte) bool {
	if _, err := w.Write(p); err != nil {
		return false
	}
	return w.flush() == nil
}

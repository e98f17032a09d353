package dial

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

const (
	// activeFor is how long after the last request a connection is still opened for the next one.
	activeFor = IdleTimeout
	// settled is how long a connection must last for the next one to be opened almost at once.
	settled = time.Minute
	// firstPause and longestPause are how long the opening of another connection waits when one failed or did not last: twice
	// as long each time.
	firstPause   = 2 * time.Second
	longestPause = time.Minute
	// spread is up to how long it waits otherwise, so that replicas whose server closes all connections do not come back at once.
	spread = time.Second
)

// KeepWarm keeps a connection to the server of an https address open until ctx ends, so that no request waits for a handshake:
// it opens one at once, and another one when the last is closed within two hours of a request. No request leaves for that. It
// never opens two within two seconds, and waits up to a minute after failures. For an address that is not https it does nothing.
func (t Transport) KeepWarm(ctx context.Context, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" {
		return
	}
	t.open.used.Store(time.Now().UnixNano())
	pause := firstPause
	for {
		began := time.Now()
		active := began.Sub(time.Unix(0, t.open.used.Load())) < activeFor
		if active && !t.open.any() {
			t.openAhead(ctx, address)
		}
		if !active || t.open.any() { // otherwise the request met what is left of a dead connection
			select {
			case <-t.open.closed:
			case <-ctx.Done():
				return
			}
		}
		wait := pause
		if pause = min(2*pause, longestPause); time.Since(began) >= settled {
			wait, pause = rand.N(spread), firstPause //nolint:gosec // G404: no secret; replicas shall not open all at once
		}
		select {
		case <-time.After(max(wait, firstPause-time.Since(began))):
		case <-ctx.Done():
			return
		}
	}
}

// openingKey is where the context of openAhead's request has what ends it.
type openingKey struct{}

// openAhead begins to open a connection. Its request ends as soon as the connection is being made: http.Transport finishes that
// for the next request, whatever becomes of the one that it began for.
func (t Transport) openAhead(ctx context.Context, address string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	request, err := http.NewRequestWithContext(context.WithValue(ctx, openingKey{}, cancel), http.MethodHead, address, nil)
	if err != nil {
		return
	}
	if response, err := t.Transport.RoundTrip(request); err == nil { // a connection was there after all
		_ = response.Body.Close()
	}
}

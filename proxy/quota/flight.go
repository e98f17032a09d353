package quota

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"stagedoor/proxy/policy"
)

const (
	// maxShared is how long an answer may be that is kept or shared, in bytes.
	maxShared = 1 << 20
	// atOnce is how long an announced answer may be that is read as a whole before any of it is passed on, in bytes.
	atOnce = 64 << 10
	// maxJoinWait is how long requests wait for the rest of an answer after its header. A longer one is a stream.
	maxJoinWait = 5 * time.Second
)

// flight is one call that equal requests share. The request that began it makes it; the others wait for the whole answer and
// get copies. The call belongs to none of them: it ends early only when all have left.
type flight struct {
	owner, key string
	home       *owned // of the owner when the call began; another one when a write has ended since
	cancel     context.CancelFunc
	turn       Turn
	left       departure

	ended chan struct{} // closed when what follows is set, for the requests that wait
	once  sync.Once     // of ending
	whole *kept         // the answer as it can be copied; nil when it is not shared, and they go on alone
	err   error

	mu       sync.Mutex // guards interest
	interest int        // requests that have not left
	leading  sync.Once  // of the leaving of the request that began the call

	arriving bool // there was more of the answer to read when its header was passed on
	spooled  bool // a goroutine reads it, and finishes the call
}

// end lets the waiting requests go on; only the first call counts.
func (f *flight) end(whole *kept, err error) {
	f.once.Do(func() {
		f.whole, f.err = whole, err
		close(f.ended)
	})
}

// leave is called once by each request that needs the call no longer.
func (f *flight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interest--; f.interest == 0 {
		f.cancel()
	}
}

// leaveLead is leave for the request that began the call; only the first call counts.
func (f *flight) leaveLead() { f.leading.Do(f.leave) }

// enter tells whether a request may wait for the call: all others may just have left it.
func (f *flight) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interest == 0 {
		return false
	}
	f.interest++
	return true
}

// serves tells whether a request need not wait longer for this call than for one of its own: the call has left, or waits
// for its turn as one that is at least as urgent.
func (f *flight) serves(turn Turn) bool {
	return f.left.gone.Load() || !f.turn.Patient && f.turn.Priority >= turn.Priority
}

// join waits for an equal call that is under way, or makes the call.
func (c *Cache) join(ctx context.Context, ask *Ask, found *kept, send Send) (*http.Response, From, error) {
	key, turn := ask.joinKey(), ask.turn()
	c.mu.Lock()
	f := c.ownedLocked(ask.Owner).flights[key]
	if f == nil || !f.serves(turn) || !f.enter() {
		f, call := c.beginLocked(ctx, ask.Owner, key, turn)
		c.mu.Unlock()
		return c.lead(ctx, call, f, ask, found, send)
	}
	c.mu.Unlock()
	err := f.wait(ctx)
	f.leave()
	if err != nil {
		return nil, FromNone, err
	}
	if f.whole != nil && f.whole.matches(ask.Request.Header) {
		return withStatus(f.whole.response(ask.Request, c.Now()), FromJoined, ask.missStatus(found, c.Now())+"; collapsed", nil)
	}
	res, err := send(ctx, nil, turn)
	return withStatus(res, FromMiss, ask.missStatus(found, c.Now()), err)
}

// wait returns when the call has ended, with its error or the context's.
func (f *flight) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-f.ended:
		return f.err
	}
}

// beginLocked begins a call that others may join, and that lead makes in this context.
func (c *Cache) beginLocked(ctx context.Context, owner, key string, turn Turn) (*flight, context.Context) {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	mine := c.ownedLocked(owner)
	f := &flight{owner: owner, key: key, home: mine, cancel: cancel, turn: turn, ended: make(chan struct{}), interest: 1}
	f.left.now, f.turn.left = c.Now, &f.left
	mine.flights[key] = f // in place of one that all have left, or that is less urgent
	return f, call
}

// finish ends a call that may be joined.
func (c *Cache) finish(f *flight) {
	f.end(nil, nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.home.flights[f.key] == f {
		delete(f.home.flights, f.key)
	}
	c.tidyLocked(f.owner, f.home)
}

// lead makes a call in the goroutine of the request that began it, and returns its answer, which must be closed. When the request,
// of which ctx is, has left, the call goes on for those that have joined; lead returns when there are none, or with the answer.
func (c *Cache) lead(ctx, call context.Context, f *flight, ask *Ask, found *kept, send Send) (*http.Response, From, error) {
	stop := context.AfterFunc(ctx, f.leaveLead)
	defer func() {
		if !f.arriving {
			stop()
			f.leaveLead()
		}
		if !f.spooled {
			c.finish(f)
		}
	}()
	res, from, status, err := c.fly(call, f, ask, found, send)
	if err == nil && f.arriving {
		res.Body = f.leadBody(ctx, res.Body)
	}
	if left := ctx.Err(); left != nil {
		if err == nil {
			_ = res.Body.Close()
		}
		return nil, FromNone, left
	}
	return withStatus(res, from, status, err)
}

// leadBody leaves the call when it is closed.
type leadBody struct {
	io.ReadCloser
	flight *flight
}

// leadBody is a body that arrives while the request that began the call reads it, of which ctx is.
func (f *flight) leadBody(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	if s, spooled := body.(*spool); spooled {
		context.AfterFunc(ctx, func() { s.abandon(ctx.Err()) })
	}
	return &leadBody{body, f}
}

// Close implements io.Closer.
func (b *leadBody) Close() error {
	err := b.ReadCloser.Close()
	b.flight.leaveLead()
	return err
}

// fly makes the call. The answer that it returns is in memory, or f.arriving.
func (c *Cache) fly(ctx context.Context, f *flight, ask *Ask, found *kept, send Send) (res *http.Response, from From, status string, err error) {
	begun := c.Now()
	var conditions http.Header
	if found != nil {
		conditions = found.validators()
	}
	status = ask.missStatus(found, begun)
	if res, err = send(ctx, conditions, f.turn); err != nil {
		f.end(nil, err)
		return nil, FromNone, "", err
	}
	arrived := c.Now()
	if f.left.gone.Load() {
		begun = f.left.at // an answer does not age while its call waits for a turn
	}
	if conditions != nil {
		status += "; fwd-status=" + strconv.Itoa(res.StatusCode)
	}
	switch {
	case conditions != nil && res.StatusCode == http.StatusNotModified:
		drain(res)
		k := found.renewed(ask, res.Header, arrived, arrived.Sub(begun))
		c.keep(f, ask, k)
		f.end(k, nil)
		return k.response(ask.Request, arrived), FromRevalidated, status, nil
	case res.StatusCode == http.StatusTooManyRequests && found != nil && c.mayServeStale(found, ask.rules()):
		_ = res.Body.Close()
		f.end(found, nil)
		return found.response(ask.Request, arrived), FromStale, "hit; detail=stale", nil
	case streams(res):
		f.arriving = true
	case res.ContentLength >= 0 && res.ContentLength <= atOnce:
		err = c.passWhole(f, ask, newKept(ask, res, arrived, arrived.Sub(begun)), res)
	default:
		res = c.passStream(f, ask, newKept(ask, res, arrived, arrived.Sub(begun)), res)
	}
	return res, FromMiss, status, err
}

// passWhole reads a short answer before any of it is passed on.
func (c *Cache) passWhole(f *flight, ask *Ask, k *kept, res *http.Response) error {
	body := make([]byte, res.ContentLength)
	_, err := io.ReadFull(res.Body, body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		f.end(nil, err)
		return err
	}
	res.Body = memoryBody{bytes.NewReader(body)}
	k.body, k.trailer = body, flat(res.Trailer)
	c.keep(f, ask, k)
	f.end(k, nil)
	return nil
}

// passStream returns an answer of unknown length, or a longer one, that is passed on while a goroutine reads it for all.
func (c *Cache) passStream(f *flight, ask *Ask, k *kept, res *http.Response) *http.Response {
	s := newSpool(res)
	f.arriving, f.spooled = true, true
	go func() {
		defer c.finish(f)
		release := time.AfterFunc(maxJoinWait, func() { f.end(nil, nil) })
		defer release.Stop()
		body, err := s.pump()
		if errors.Is(err, errTooLong) {
			return
		}
		if err == nil {
			k.body, k.trailer = body, flat(res.Trailer)
			c.keep(f, ask, k)
			f.end(k, nil)
			return
		}
		f.end(nil, err)
	}()
	return s.passed
}

// keep keeps the answer of a call, unless a write has ended since the call began. One that may not be kept, and is what
// Spotify has now, ends what was kept before it.
func (c *Cache) keep(f *flight, ask *Ask, k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.owners[ask.Owner] != f.home:
	case k.keepable:
		c.keepLocked(ask, k)
	case k.outdates() && ask.Request.Header.Get("Range") == "":
		c.outdateLocked(ask)
	}
}

// streams tells whether an answer is passed on without being shared or kept.
func streams(res *http.Response) bool {
	return policy.IsEventStream(res.Header) || res.ContentLength > maxShared || res.StatusCode == http.StatusSwitchingProtocols
}

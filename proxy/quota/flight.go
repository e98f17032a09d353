package quota

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// maxShared is how long an answer may be that is kept or shared, in bytes.
	maxShared = 1 << 20
	// atOnce is how long an announced answer may be that is read as a whole before any of it is passed on, in bytes.
	atOnce = 64 << 10
	// maxJoinWait is how long requests wait for the rest of an answer after its header. A longer one is a stream.
	maxJoinWait = 5 * time.Second
)

// flight is one call that equal requests share. The request that began it reads the answer while it arrives; the others
// wait for the whole and get copies. The call belongs to none of them: it ends early only when all have left.
type flight struct {
	cancel context.CancelFunc
	home   *owned // of the owner when the call began; another one when a write has ended since
	turn   Turn
	left   departure

	began  chan struct{} // closed when what follows is set, for the request that began the call
	lead   *http.Response
	failed error
	from   From
	status string // of Cache-Status

	ended chan struct{} // closed when what follows is set, for the requests that wait
	once  sync.Once     // of ending
	whole *kept         // the answer as it can be copied; nil when it is not shared, and they go on alone
	err   error

	mu       sync.Mutex // guards interest
	interest int        // requests that have not left
}

// end lets the waiting requests go on; only the first call counts.
func (f *flight) end(whole *kept, err error) {
	f.once.Do(func() {
		f.whole, f.err = whole, err
		close(f.ended)
	})
}

// begin lets the request that began the call go on.
func (f *flight) begin(lead *http.Response, err error) {
	f.lead, f.failed = lead, err
	close(f.began)
}

// leave is called once by each request that needs the call no longer.
func (f *flight) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.interest--; f.interest == 0 {
		f.cancel()
	}
}

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
	key := ask.joinKey()
	c.mu.Lock()
	f := c.ownedLocked(ask.Owner).flights[key]
	if f == nil || !f.serves(ask.turn()) || !f.enter() {
		f = c.beginLocked(ctx, ask, key, found, send, ask.turn())
		c.mu.Unlock()
		return f.leadResponse(ctx)
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
	res, err := send(ctx, nil, ask.turn())
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

// beginLocked begins a call that others may join.
func (c *Cache) beginLocked(ctx context.Context, ask *Ask, key string, found *kept, send Send, turn Turn) *flight {
	call, cancel := context.WithCancel(context.WithoutCancel(ctx))
	mine := c.ownedLocked(ask.Owner)
	f := &flight{cancel: cancel, home: mine, turn: turn, began: make(chan struct{}), ended: make(chan struct{}), interest: 1}
	f.left.now, f.turn.left = c.Now, &f.left
	mine.flights[key] = f // in place of one that all have left, or that is less urgent
	go func() {
		c.fly(call, f, ask, found, send)
		c.mu.Lock()
		defer c.mu.Unlock()
		if mine.flights[key] == f {
			delete(mine.flights, key)
		}
		c.tidyLocked(ask.Owner, mine)
	}()
	return f
}

// leadResponse waits for the answer's header and returns the answer of the request that began the call. It must be closed.
func (f *flight) leadResponse(ctx context.Context) (*http.Response, From, error) {
	select {
	case <-ctx.Done():
		f.leave()
		go f.discard()
		return nil, FromNone, ctx.Err()
	case <-f.began:
	}
	if f.failed != nil {
		f.leave()
		return nil, FromNone, f.failed
	}
	body := &leadBody{ReadCloser: f.lead.Body, leave: sync.OnceFunc(f.leave)}
	if s, spooled := f.lead.Body.(*spool); spooled {
		context.AfterFunc(ctx, func() {
			s.abandon(ctx.Err())
			body.leave()
		})
	}
	f.lead.Body = body
	return withStatus(f.lead, f.from, f.status, nil)
}

// discard closes the answer when the request that began the call did not wait for it.
func (f *flight) discard() {
	<-f.began
	if f.lead != nil {
		_ = f.lead.Body.Close()
	}
}

// leadBody leaves the call when it is closed.
type leadBody struct {
	io.ReadCloser
	leave func()
}

// Close implements io.Closer.
func (b *leadBody) Close() error {
	err := b.ReadCloser.Close()
	b.leave()
	return err
}

// fly makes the call and passes its answer on as it arrives.
func (c *Cache) fly(ctx context.Context, f *flight, ask *Ask, found *kept, send Send) {
	defer f.end(nil, nil)
	begun := c.Now()
	var conditions http.Header
	if found != nil {
		conditions = found.validators()
	}
	res, err := send(ctx, conditions, f.turn)
	if err != nil {
		f.end(nil, err)
		f.begin(nil, err)
		return
	}
	arrived := c.Now()
	f.from, f.status = FromMiss, ask.missStatus(found, begun)
	if f.left.gone.Load() {
		begun = f.left.at // an answer does not age while its call waits for a turn
	}
	if conditions != nil {
		f.status += "; fwd-status=" + strconv.Itoa(res.StatusCode)
	}
	switch {
	case conditions != nil && res.StatusCode == http.StatusNotModified:
		drain(res)
		f.from = FromRevalidated
		k := found.renewed(ask, res.Header, arrived, arrived.Sub(begun))
		c.keep(f, ask, k)
		f.end(k, nil)
		f.begin(k.response(ask.Request, arrived), nil) //nolint:bodyclose // the request that began the call closes it
	case res.StatusCode == http.StatusTooManyRequests && found != nil && c.mayServeStale(found, ask.rules()):
		_ = res.Body.Close()
		f.from, f.status = FromStale, "hit; detail=stale"
		f.end(found, nil)
		f.begin(found.response(ask.Request, arrived), nil) //nolint:bodyclose // as above
	case streams(res):
		f.end(nil, nil)
		f.begin(res, nil)
	case res.ContentLength >= 0 && res.ContentLength <= atOnce:
		c.passWhole(f, ask, newKept(ask, res, arrived, arrived.Sub(begun)), res)
	default:
		c.passStream(f, ask, newKept(ask, res, arrived, arrived.Sub(begun)), res)
	}
}

// passWhole reads a short answer before any of it is passed on.
func (c *Cache) passWhole(f *flight, ask *Ask, k *kept, res *http.Response) {
	body := make([]byte, res.ContentLength)
	_, err := io.ReadFull(res.Body, body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		f.end(nil, err)
		f.begin(nil, err)
		return
	}
	res.Body = memoryBody{bytes.NewReader(body)}
	k.body, k.trailer = body, flat(res.Trailer)
	c.keep(f, ask, k)
	f.end(k, nil)
	f.begin(res, nil)
}

// passStream reads an answer of unknown length, or a longer one, while it is passed on.
func (c *Cache) passStream(f *flight, ask *Ask, k *kept, res *http.Response) {
	s := newSpool(res)
	release := time.AfterFunc(maxJoinWait, func() { f.end(nil, nil) })
	defer release.Stop()
	f.begin(s.passed, nil)
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
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return kind == "text/event-stream" || res.ContentLength > maxShared || res.StatusCode == http.StatusSwitchingProtocols
}

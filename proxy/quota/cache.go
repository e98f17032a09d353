package quota

import (
	"container/list"
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// CacheConfig is the configuration of a Cache.
type CacheConfig struct {
	// Size bounds what is kept, in bytes; zero keeps nothing and joins nothing.
	Size int64
	// Stale is how old a kept answer may be that serves while calls are scarce; zero for never.
	Stale time.Duration
}

// maxVariants is how many answers are kept for one address of an owner, by what they vary with.
const maxVariants = 4

// Cache answers requests from what is kept of Spotify's answers, as a private cache of each owner (RFC 9111), and lets
// equal requests share a call. It is safe for concurrent use.
type Cache struct {
	// Scarce tells whether a call would have to wait now; nil means never.
	Scarce func(Turn) bool
	// Written is called when a write of an owner was not rejected, before it is answered; may be nil.
	Written func(ctx context.Context, owner string)
	// Now is the clock.
	Now func() time.Time

	mu     sync.Mutex // guards what follows
	config CacheConfig
	owners map[string]*owned
	used   list.List // of *slot, the one used last in front
	size   int64
}

// owned is all that belongs to one owner.
type owned struct {
	slots   map[string]*slot   // by address
	flights map[string]*flight // by joinKey: the calls that may be joined
}

// slot holds the answers for one address of an owner.
type slot struct {
	owner, address string
	variants       []*kept
	renewing       bool         // by a call in the background
	asked          atomic.Int64 // how often it was given although it was stale, since it was new
	size           int64
	place          *list.Element
}

// NewCache makes an empty cache.
func NewCache(c CacheConfig, now func() time.Time) *Cache {
	cache := &Cache{Now: now, config: c, owners: map[string]*owned{}}
	cache.used.Init()
	return cache
}

// Configure changes the bounds; what exceeds them goes at once.
func (c *Cache) Configure(config CacheConfig) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.config = config
	c.shrinkLocked()
}

// Size is about how much memory is used, in bytes.
func (c *Cache) Size() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// Drop forgets all that is kept for an owner. Calls that began before it are neither kept nor joined any more.
func (c *Cache) Drop(owner string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.owners[owner]
	if mine == nil {
		return
	}
	for _, s := range mine.slots {
		c.used.Remove(s.place)
		c.size -= s.size
	}
	c.forgetOwnerLocked(owner)
}

// DropAll forgets everything, as Drop does: news about writes on other replicas may have been missed.
func (c *Cache) DropAll() {
	c.mu.Lock()
	owners := make([]string, 0, len(c.owners))
	for owner := range c.owners {
		owners = append(owners, owner)
	}
	c.mu.Unlock()
	for _, owner := range owners {
		c.Drop(owner)
	}
}

// Do answers a request: with what is kept, with the answer of a call that is under way, or by a call of its own. It returns
// ErrNotCached, an error of send, or the request's context's error. The answer's Cache-Status (RFC 9211) says where it
// came from.
func (c *Cache) Do(ask *Ask, send Send) (*http.Response, From, error) {
	ctx := ask.Request.Context()
	switch {
	case ask.isWrite():
		return c.write(ctx, ask, send)
	case c.off():
		res, err := send(ctx, nil, ask.turn())
		return withStatus(res, FromOff, "fwd=bypass", err)
	case ask.hasBody():
		res, err := send(ctx, nil, ask.turn())
		return withStatus(res, FromMiss, "fwd=bypass", err)
	}
	now, want := c.Now(), ask.rules()
	found := c.find(ask)
	switch {
	case found != nil && found.isFresh(now, want):
		return withStatus(found.response(ask.Request, now), FromHit, "hit", nil)
	case want.onlyIfCached:
		return nil, FromNone, ErrNotCached
	case found != nil && c.mayServeStale(found, want) && c.Scarce != nil && c.Scarce(ask.turn()):
		c.renew(ask, found, send)
		return withStatus(found.response(ask.Request, now), FromStale, "hit; detail=stale", nil)
	case ask.Request.Method == http.MethodHead:
		res, err := send(ctx, nil, ask.turn())
		return withStatus(res, FromMiss, ask.missStatus(found, now), err)
	}
	return c.join(ctx, ask, found, send)
}

// write makes a call that may change something. All that is kept for the owner is dropped before it is answered, unless
// Spotify rejected it; without an answer it may have been executed.
func (c *Cache) write(ctx context.Context, ask *Ask, send Send) (*http.Response, From, error) {
	res, err := send(ctx, nil, ask.turn())
	if rejected := err == nil && res.StatusCode >= 400 && res.StatusCode < 500; !rejected && !neverSent(err) {
		c.Drop(ask.Owner)
		if c.Written != nil {
			c.Written(context.WithoutCancel(ctx), ask.Owner)
		}
	}
	from := FromMiss
	if c.off() {
		from = FromOff
	}
	return withStatus(res, from, "fwd=method", err)
}

func (c *Cache) off() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.config.Size <= 0
}

// find returns what is kept for a request, fresh or not; nil for nothing.
func (c *Cache) find(ask *Ask) *kept {
	if ask.Request.Header.Get("Range") != "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	mine := c.owners[ask.Owner]
	if mine == nil {
		return nil
	}
	s := mine.slots[ask.address()]
	if s == nil {
		return nil
	}
	c.used.MoveToFront(s.place)
	for _, k := range s.variants {
		if k.matches(ask.Request.Header) {
			return k
		}
	}
	ask.varied = len(s.variants) > 0
	return nil
}

// mayServeStale tells whether a stale answer serves while calls are scarce.
func (c *Cache) mayServeStale(k *kept, want directives) bool {
	c.mu.Lock()
	most := c.config.Stale
	c.mu.Unlock()
	return !want.noCache && !k.mustAsk() && k.age(c.Now()) <= most
}

// renew begins a call in the background for an answer that was given although it is stale. It waits for its turn as one
// of low urgency; the oldest comes first.
func (c *Cache) renew(ask *Ask, old *kept, send Send) {
	c.mu.Lock()
	s := c.slotLocked(ask)
	if s != nil {
		s.asked.Add(1)
	}
	head := ask.Request.Method == http.MethodHead // its answer has nothing to keep, and serves no GET
	if s == nil || head || s.renewing || len(c.owners[ask.Owner].flights) > maxVariants {
		c.mu.Unlock()
		return
	}
	s.renewing = true
	turn := ask.turn()
	turn.Priority, turn.Since, turn.Patient, turn.Asked = PriorityLow, old.arrived, true, &s.asked
	ctx := context.WithoutCancel(ask.Request.Context())
	f, call := c.beginLocked(ctx, ask.Owner, ask.joinKey(), turn)
	c.mu.Unlock()
	go func() {
		defer c.renewed(s)
		if res, _, err := c.lead(ctx, call, f, ask, old, send); err == nil {
			drain(res)
		}
	}()
}

func (c *Cache) renewed(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.renewing = false
}

func (c *Cache) slotLocked(ask *Ask) *slot {
	if mine := c.owners[ask.Owner]; mine != nil {
		return mine.slots[ask.address()]
	}
	return nil
}

// keepLocked keeps an answer, in place of those that would answer the same requests.
func (c *Cache) keepLocked(ask *Ask, k *kept) {
	mine := c.ownedLocked(ask.Owner)
	s := mine.slots[ask.address()]
	if s == nil {
		s = &slot{owner: ask.Owner, address: ask.address()}
		s.place = c.used.PushFront(s)
		mine.slots[s.address] = s
	}
	variants := []*kept{k}
	for _, old := range s.variants {
		if !old.matches(ask.Request.Header) && len(variants) < maxVariants {
			variants = append(variants, old)
		}
	}
	s.variants = variants
	s.asked.Store(0)
	c.size -= s.size
	s.size = int64(len(s.owner) + len(s.address))
	for _, k := range variants {
		s.size += k.size()
	}
	c.size += s.size
	c.used.MoveToFront(s.place)
	c.shrinkLocked()
}

// outdateLocked forgets what would answer a request.
func (c *Cache) outdateLocked(ask *Ask) {
	s := c.slotLocked(ask)
	if s == nil {
		return
	}
	for _, old := range s.variants {
		if old.matches(ask.Request.Header) {
			c.removeLocked(s) // other variants with it: they may be as old
			return
		}
	}
}

// shrinkLocked forgets what was used longest ago until the rest fits.
func (c *Cache) shrinkLocked() {
	for c.size > c.config.Size && c.used.Len() > 0 {
		c.removeLocked(c.used.Back().Value.(*slot))
	}
}

func (c *Cache) removeLocked(s *slot) {
	c.used.Remove(s.place)
	c.size -= s.size
	mine := c.owners[s.owner]
	delete(mine.slots, s.address)
	c.tidyLocked(s.owner, mine)
}

func (c *Cache) ownedLocked(owner string) *owned {
	mine := c.owners[owner]
	if mine == nil {
		mine = &owned{slots: map[string]*slot{}, flights: map[string]*flight{}}
		c.owners[owner] = mine
		c.size += ownerOverhead
	}
	return mine
}

// tidyLocked removes an owner without answers and flights.
func (c *Cache) tidyLocked(owner string, mine *owned) {
	if len(mine.slots)+len(mine.flights) == 0 && c.owners[owner] == mine {
		c.forgetOwnerLocked(owner)
	}
}

func (c *Cache) forgetOwnerLocked(owner string) {
	delete(c.owners, owner)
	c.size -= ownerOverhead
}

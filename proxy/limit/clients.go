package limit

import (
	"container/list"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// ClientRate is how much one client may send; see Clients.
type ClientRate struct {
	// Requests and Logins are how many may come in Per, and at once after a rest; zero means no limit. Logins count as requests,
	// too.
	Requests, Logins int
	// Per is above zero.
	Per time.Duration
}

// maxClients bounds how many clients are remembered, at about 400 bytes each. The client that has sent nothing for longest is
// forgotten first, and begins anew when it comes back. So an attacker with many addresses takes nothing from others.
const maxClients = 32 << 10

// ipv6Client is the size of a network of IPv6 that counts as one client: what a provider gives to one household (RFC 6177).
const ipv6Client = 64

// Clients limits the requests and logins of each client by token buckets. A client is an IPv4 address or an IPv6 network of 64
// bits. It is safe for concurrent use. The zero value has no limits.
type Clients struct {
	limited atomic.Pointer[limited] // nil: no limits, so that no request waits for a lock
}

// limited are the clients while one ClientRate is in use.
type limited struct {
	rate ClientRate

	mu      sync.Mutex // guards what follows
	known   map[netip.Prefix]*list.Element
	recency list.List // of *client, the one that sent last comes first
}

// client has the buckets of one client; nil means full.
type client struct {
	network          netip.Prefix
	requests, logins *rate.Limiter
}

// Configure takes other limits into use. When they differ from those in use, every client begins anew.
func (c *Clients) Configure(r ClientRate) {
	switch now := c.limited.Load(); {
	case r.Requests == 0 && r.Logins == 0:
		c.limited.Store(nil)
	case now == nil || now.rate != r:
		c.limited.Store(&limited{rate: r, known: map[netip.Prefix]*list.Element{}})
	}
}

// Admit counts a request of a client, which is a login or not. It returns zero when the client may send it, and otherwise how
// long the client must wait, which is not counted. An address that is not valid, because it is unknown, has no limit.
func (c *Clients) Admit(address netip.Addr, login bool, now time.Time) (wait time.Duration) {
	l := c.limited.Load()
	if l == nil || l.rate.Requests == 0 && !login || !address.IsValid() {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.findLocked(networkOf(address))
	wait = l.takeLocked(&found.requests, l.rate.Requests, now)
	if wait == 0 && login {
		wait = l.takeLocked(&found.logins, l.rate.Logins, now)
	}
	return wait
}

// findLocked returns a client, which has now sent last of all.
func (l *limited) findLocked(network netip.Prefix) *client {
	if element, known := l.known[network]; known {
		l.recency.MoveToFront(element)
		return element.Value.(*client)
	}
	if len(l.known) == maxClients {
		delete(l.known, l.recency.Remove(l.recency.Back()).(*client).network)
	}
	found := &client{network: network}
	l.known[network] = l.recency.PushFront(found)
	return found
}

// takeLocked takes a token out of a bucket of this size, or returns how long it takes until there is one.
func (l *limited) takeLocked(bucket **rate.Limiter, size int, now time.Time) (wait time.Duration) {
	if size == 0 {
		return 0
	}
	if *bucket == nil {
		*bucket = rate.NewLimiter(rate.Limit(float64(size)/l.rate.Per.Seconds()), size)
	}
	token := (*bucket).ReserveN(now, 1)
	if wait = token.DelayFrom(now); wait > 0 {
		token.CancelAt(now)
	}
	return wait
}

// networkOf returns what counts as the client of an address.
func networkOf(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = ipv6Client
	}
	network, _ := address.Prefix(bits) // fails for more bits than there are
	return network
}

package limit

import (
	"container/list"
	"net/netip"
	"sync"
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
// forgotten first, and is then as one that never came. So an attacker with many addresses takes nothing from others.
const maxClients = 32 << 10

// ipv6Client is the size of a network of IPv6 that counts as one client: what a provider gives to one household (RFC 6177).
const ipv6Client = 64

// Clients limits the requests and logins of each client by token buckets. A client is an IPv4 address or an IPv6 network of 64
// bits. It is safe for concurrent use. The zero value has no limits.
type Clients struct {
	mu      sync.Mutex // guards what follows
	rate    ClientRate
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
	c.mu.Lock()
	defer c.mu.Unlock()
	if r != c.rate {
		c.rate, c.known = r, nil
		c.recency.Init()
	}
}

// Admit counts a request of a client, which is a login or not. It returns zero when the client may send it, and otherwise how
// long the client must wait, which is not counted. An address that is not valid has no limit: nobody knows whose it is.
func (c *Clients) Admit(address netip.Addr, login bool, now time.Time) (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rate.Requests == 0 && (c.rate.Logins == 0 || !login) || !address.IsValid() {
		return 0
	}
	found := c.findLocked(networkOf(address))
	wait = c.takeLocked(&found.requests, c.rate.Requests, now)
	if wait == 0 && login {
		wait = c.takeLocked(&found.logins, c.rate.Logins, now)
	}
	return wait
}

// findLocked returns a client, which has now sent last of all.
func (c *Clients) findLocked(network netip.Prefix) *client {
	if element, known := c.known[network]; known {
		c.recency.MoveToFront(element)
		return element.Value.(*client)
	}
	if c.known == nil {
		c.known = map[netip.Prefix]*list.Element{}
	}
	if len(c.known) == maxClients {
		delete(c.known, c.recency.Remove(c.recency.Back()).(*client).network)
	}
	found := &client{network: network}
	c.known[network] = c.recency.PushFront(found)
	return found
}

// takeLocked takes a token out of a bucket of this size, or returns how long it takes until there is one.
func (c *Clients) takeLocked(bucket **rate.Limiter, size int, now time.Time) (wait time.Duration) {
	if size == 0 {
		return 0
	}
	if *bucket == nil {
		*bucket = rate.NewLimiter(rate.Limit(float64(size)/c.rate.Per.Seconds()), size)
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

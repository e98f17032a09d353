package limit

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	alice = netip.MustParseAddr("192.0.2.1")
	bob   = netip.MustParseAddr("192.0.2.2")
)

func clients(r ClientRate) *Clients {
	c := &Clients{}
	c.Configure(r)
	return c
}

// admitted counts how many of n requests at one time are admitted.
func admitted(c *Clients, address netip.Addr, login bool, n int, now time.Time) (count int) {
	for range n {
		if c.Admit(address, login, now) == 0 {
			count++
		}
	}
	return count
}

func TestClientsAreLimitedEachAlone(t *testing.T) {
	c := clients(ClientRate{Requests: 60, Per: time.Minute})
	if got := admitted(c, alice, false, 100, start); got != 60 {
		t.Errorf("%d of 100 requests at once are admitted, want 60", got)
	}
	if wait := c.Admit(alice, false, start); wait != time.Second {
		t.Errorf("the wait is %v, want 1s: a sixtieth of a minute", wait)
	}
	if got := admitted(c, bob, false, 1, start); got != 1 {
		t.Error("another address pays for it")
	}
	if got := admitted(c, alice, false, 100, start.Add(10*time.Second)); got != 10 {
		t.Errorf("%d are admitted after ten seconds, want 10", got)
	}
	if got := admitted(c, alice, false, 100, start.Add(time.Hour)); got != 60 {
		t.Errorf("%d are admitted after an hour, want 60: the bucket is no larger", got)
	}
}

func TestLoginsHaveABucketOfTheirOwn(t *testing.T) {
	c := clients(ClientRate{Logins: 3, Per: time.Minute})
	if got := admitted(c, alice, true, 10, start); got != 3 {
		t.Errorf("%d logins are admitted, want 3", got)
	}
	if got := admitted(c, alice, false, 10, start); got != 10 {
		t.Errorf("%d of 10 other requests are admitted", got)
	}
	c.Configure(ClientRate{Requests: 2, Logins: 3, Per: time.Minute})
	if got := admitted(c, alice, true, 10, start); got != 2 {
		t.Errorf("%d logins are admitted, want 2: a login is a request", got)
	}
}

func TestIPv6ClientsAreNetworks(t *testing.T) {
	c := clients(ClientRate{Requests: 1, Per: time.Minute})
	for address, want := range map[string]int{"2001:db8::1": 1, "2001:db8:0:1::1": 1} {
		same := netip.MustParsePrefix(address + "/64").Masked().Addr().Next().Next()
		if got := admitted(c, netip.MustParseAddr(address), false, 2, start) + admitted(c, same, false, 2, start); got != want {
			t.Errorf("%d requests of the network of %s are admitted, want %d", got, address, want)
		}
	}
}

func TestClientsWithoutLimitOrAddress(t *testing.T) {
	var off Clients
	if got := admitted(&off, alice, true, 1000, start); got != 1000 || off.limited.Load() != nil {
		t.Errorf("%d of 1000 are admitted without a limit", got)
	}
	c := clients(ClientRate{Requests: 1, Per: time.Minute})
	if got := admitted(c, netip.Addr{}, false, 10, start); got != 10 {
		t.Errorf("%d of 10 are admitted without an address", got)
	}
}

// TestManyAddressesCostNothing has an attacker send from more addresses than are remembered, while a client goes on.
func TestManyAddressesCostNothing(t *testing.T) {
	c := clients(ClientRate{Requests: 10, Per: time.Minute})
	used := admitted(c, alice, false, 5, start)
	for i := range uint64(2 * maxClients) {
		var address [16]byte
		binary.BigEndian.PutUint64(address[:], 0x20010db8_00000000+i)
		c.Admit(netip.AddrFrom16(address), false, start)
		if i%(maxClients/2) == 0 {
			used += admitted(c, alice, false, 1, start)
		}
	}
	if got := admitted(c, alice, false, 10, start); used != 9 || got != 1 {
		t.Errorf("the client was admitted %d and %d times, want 9 and 1", used, got)
	}
	if l := c.limited.Load(); len(l.known) != maxClients || l.recency.Len() != maxClients {
		t.Errorf("%d clients are remembered, in %d places, want %d", len(l.known), l.recency.Len(), maxClients)
	}
}

func TestTheSameLimitsKeepTheBuckets(t *testing.T) {
	limits := ClientRate{Requests: 2, Per: time.Minute}
	c := clients(limits)
	admitted(c, alice, false, 2, start)
	c.Configure(limits)
	if got := admitted(c, alice, false, 2, start); got != 0 {
		t.Errorf("%d requests are admitted after a reload that changed nothing", got)
	}
	c.Configure(ClientRate{Requests: 3, Per: time.Minute})
	if got := admitted(c, alice, false, 5, start); got != 3 {
		t.Errorf("%d requests are admitted by the new limit, want 3", got)
	}
}

package policy

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// TrustedProxies are the networks of proxies that the gateway trusts to set X-Forwarded-* and X-Request-Id.
type TrustedProxies struct {
	networks []netip.Prefix
	unix     bool // whoever connects to a Unix socket
}

// UnixPeers stands in a list of networks for whoever connects to a Unix socket, which has no address.
const UnixPeers = "unix"

// ParseTrustedProxies reads CIDRs and UnixPeers. Its error is of the first that cannot be read.
func ParseTrustedProxies(cidrs []string) (TrustedProxies, error) {
	var t TrustedProxies
	for _, cidr := range cidrs {
		if cidr == UnixPeers {
			t.unix = true
			continue
		}
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return TrustedProxies{}, err
		}
		t.networks = append(t.networks, prefix.Masked())
	}
	return t, nil
}

func (t TrustedProxies) contains(addr netip.Addr) bool {
	return slices.ContainsFunc(t.networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// Peer is the other end of a request.
type Peer struct {
	// Client is the address of the browser, as far as it can be believed; invalid when it is unknown.
	Client netip.Addr
	// Trusted says that the connection comes from a trusted proxy.
	Trusted bool
}

// Peer walks X-Forwarded-For from the right, where the nearest proxy wrote, to the first address that is not a trusted
// proxy's: everything left of it may be forged.
func (t TrustedProxies) Peer(r *http.Request) Peer {
	client := parseAddr(r.RemoteAddr)
	p := Peer{Client: client, Trusted: t.contains(client) || t.unix && IsUnixPeer(r.RemoteAddr)}
	if !p.Trusted {
		return p
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr := parseAddr(strings.TrimSpace(hop))
		if !addr.IsValid() {
			return p
		}
		p.Client = addr
		if !t.contains(addr) {
			return p
		}
	}
	return p
}

// IsUnixPeer tells whether a request's RemoteAddr is that of a Unix socket's other end, which has no name.
func IsUnixPeer(remoteAddr string) bool { return remoteAddr == "" || remoteAddr == "@" }

// parseAddr reads an address with or without a port.
func parseAddr(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// String returns the client's address for the log; "" when it is unknown.
func (p Peer) String() string {
	if !p.Client.IsValid() {
		return ""
	}
	return p.Client.String()
}

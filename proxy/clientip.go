package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// trustedProxies are the networks whose X-Forwarded-* headers and X-Request-Id are believed.
type trustedProxies []netip.Prefix

func parseTrustedProxies(cidrs []string) (trustedProxies, error) {
	var t trustedProxies
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, err
		}
		t = append(t, prefix.Masked())
	}
	return t, nil
}

func (t trustedProxies) contains(addr netip.Addr) bool {
	return slices.ContainsFunc(t, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// peer is who is at the other end of a request.
type peer struct {
	// client is the address of the browser, as far as it can be believed; invalid when it is unknown.
	client netip.Addr
	// trusted says that the connection comes from a trusted proxy.
	trusted bool
}

// peer walks X-Forwarded-For from the right, where the nearest proxy wrote, to the first address that is no trusted
// proxy: whatever stands left of it may be invented.
func (t trustedProxies) peer(r *http.Request) peer {
	client := parseAddr(r.RemoteAddr)
	p := peer{client: client, trusted: t.contains(client)}
	if !p.trusted {
		return p
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		addr := parseAddr(strings.TrimSpace(hop))
		if !addr.IsValid() {
			return p
		}
		p.client = addr
		if !t.contains(addr) {
			return p
		}
	}
	return p
}

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
func (p peer) String() string {
	if !p.client.IsValid() {
		return ""
	}
	return p.client.String()
}

package policy

import (
	"net/http"
	"strings"
	"testing"
)

func TestPeer(t *testing.T) {
	trusted, err := ParseTrustedProxies([]string{"10.0.0.0/8", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:80", nil, "192.0.2.1"},
		{"192.0.2.1:80", []string{"198.51.100.1"}, "192.0.2.1"},
		{"10.0.0.1:80", nil, "10.0.0.1"},
		{"10.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:80", []string{"203.0.113.9, 198.51.100.1"}, "198.51.100.1"},
		{"10.0.0.1:80", []string{"203.0.113.9", "198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1:80", []string{"203.0.113.9, garbage, 10.0.0.2"}, "10.0.0.2"},
		{"10.0.0.1:80", []string{"198.51.100.1:4711"}, "198.51.100.1"},
		{"[fd00::1]:80", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		{"[fd00::1%eth0]:80", []string{"2001:db8::1"}, "2001:db8::1"},
		{"[::ffff:10.0.0.1]:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"@", nil, ""},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{"X-Forwarded-For": c.forwarded}}
		if got := trusted.Peer(r).String(); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// FuzzPeer writes addresses into X-Forwarded-For before those of the proxies: they must not change whose request it is, unless
// all behind them are trusted proxies. A connection that is not from one is taken at its own address.
func FuzzPeer(f *testing.F) {
	for _, forwarded := range []string{
		"", "198.51.100.1", "10.0.0.2", "198.51.100.1, 10.0.0.2", "198.51.100.1:4711", "[2001:db8::1]:4711", "[2001:db8::1]", "2001:db8::1%eth0",
		"::ffff:10.0.0.2", "010.0.0.2", "10.0.0.2\n198.51.100.1", ",", "unknown", "_hidden", `"198.51.100.1"`, "for=198.51.100.1", "198.51.100.1\x00",
	} {
		f.Add("10.0.0.1:80", forwarded, "203.0.113.9")
		f.Add("192.0.2.1:80", forwarded, "10.0.0.9")
	}
	trusted, err := ParseTrustedProxies([]string{"10.0.0.0/8", "fd00::/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, remote, forwarded, forged string) {
		peer := func(lines []string) Peer {
			return trusted.Peer(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": lines}})
		}
		direct, got := peer(nil), peer(linesOf(forwarded))
		if got.Trusted != direct.Trusted || !direct.Trusted && got != direct {
			t.Errorf("%s with %q: %v, without %v", remote, forwarded, got, direct)
		}
		if got.Client.Zone() != "" || got.Client.Is4In6() {
			t.Errorf("%s with %q: %v has two forms", remote, forwarded, got)
		}
		proxiesAlone := true
		for _, line := range linesOf(forwarded) {
			for hop := range strings.SplitSeq(line, ",") {
				proxiesAlone = proxiesAlone && trusted.contains(parseAddr(strings.TrimSpace(hop)))
			}
		}
		if forgery := peer(append([]string{forged}, linesOf(forwarded)...)); forgery != got && !proxiesAlone {
			t.Errorf("%s with %q: %v, and behind %q %v", remote, forwarded, got, forged, forgery)
		}
	})
}

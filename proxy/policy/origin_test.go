package policy

import (
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"stagedoor/proxy/proxytest"
)

// origins are those of an attacker, and a few good ones.
var origins = proxytest.Lines("../testdata/origins.txt")

// writtenOrigin is an origin as browsers write it (RFC 6454 section 6.1).
var writtenOrigin = regexp.MustCompile(`^(https?)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?$`)

// FuzzOrigin looks for an origin that is not in the one form in which a browser would write it, so that it never matched, or
// that is another one than what was written.
func FuzzOrigin(f *testing.F) {
	for _, origin := range origins {
		f.Add(origin)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		origin, err := ParseOrigin(raw)
		if err != nil {
			return
		}
		text := origin.String()
		parts := writtenOrigin.FindStringSubmatch(text)
		if parts == nil || parts[1] == "http" && parts[3] == ":80" || parts[1] == "https" && parts[3] == ":443" {
			t.Fatalf("%q became %q", raw, text)
		}
		if again, err := ParseOrigin(text); err != nil || again.String() != text {
			t.Errorf("%q became %q, and that %v (%v)", raw, text, again, err)
		}
		written, err := url.Parse(raw)
		if err != nil || !strings.EqualFold(written.Hostname(), origin.Hostname()) || written.User != nil {
			t.Errorf("%q became %q; net/url has the host %v (%v)", raw, text, written, err)
		}
		if address, err := netip.ParseAddr(origin.Hostname()); strings.Contains(origin.Host, "[") && (err != nil || address.Zone() != "") {
			t.Errorf("%q became %q, which is not an address", raw, text)
		}
	})
}

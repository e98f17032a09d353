package policy

import (
	"net/http"
	"slices"
	"strings"
)

// CookieNames are the gateway's own cookies; a name that ends with an asterisk stands for all that begin as it does. Names
// that differ only in case count as the same: servers and browsers disagree about that.
type CookieNames []string

func (c CookieNames) contains(name string) bool {
	return slices.ContainsFunc(c, func(own string) bool {
		if beginning, isFamily := strings.CutSuffix(own, "*"); isFamily {
			return len(name) >= len(beginning) && strings.EqualFold(name[:len(beginning)], beginning)
		}
		return strings.EqualFold(own, name)
	})
}

// Hide removes our cookies from a request on its way to a frontend. The others keep their bytes.
func (c CookieNames) Hide(h http.Header) {
	var lines []string
	for _, line := range h["Cookie"] {
		var kept []string
		dropped := false
		for pair := range strings.SplitSeq(line, ";") {
			name, _, _ := strings.Cut(pair, "=")
			if c.contains(strings.TrimSpace(name)) {
				dropped = true
				continue
			}
			kept = append(kept, pair)
		}
		if dropped {
			line = strings.TrimLeft(strings.Join(kept, ";"), " ")
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	h.Del("Cookie")
	if len(lines) > 0 {
		h["Cookie"] = lines
	}
}

// Protect removes from an answer what would set or overwrite one of our cookies.
func (c CookieNames) Protect(h http.Header) {
	kept := slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(line string) bool { return c.contains(setCookieName(line)) })
	if len(kept) == 0 {
		h.Del("Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}

// setCookieName returns the name under which a browser would send the cookie back. One without a name, "=a=b" or "a",
// comes back as its value alone, which then looks like a name (RFC 6265bis section 5.8.3).
func setCookieName(line string) string {
	pair, _, _ := strings.Cut(line, ";")
	name, _, _ := strings.Cut(strings.TrimLeft(pair, "= \t"), "=")
	return strings.TrimSpace(name)
}

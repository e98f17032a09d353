package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

// ParseOrigin reads scheme://host[:port] and nothing behind it, and brings it into the form in which browsers write
// an Origin header (RFC 6454 section 6.1): lower case, without the scheme's own port.
func ParseOrigin(raw string) (*url.URL, error) {
	if strings.ContainsAny(raw, "?#@") {
		return nil, errors.New("an origin has no user, query or fragment; write only scheme://host:port")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an origin; write http:// or https://, a host and perhaps a port", raw)
	}
	if u.Path != "" {
		return nil, fmt.Errorf("an origin has no path; write it without %q", u.EscapedPath())
	}
	host := u.Hostname()
	isASCII := !strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII })
	if host = strings.ToLower(host); !isASCII || !validHost(host) { // ToLower makes ASCII letters of two others, U+0130 and U+212A
		return nil, fmt.Errorf("%q is not a host; write a name in ASCII or an IP address", host)
	}
	port := u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return nil, errors.New("there is a colon but no port; write the port or leave out the colon")
	}
	if port != "" && !validPort(port) {
		return nil, fmt.Errorf("%q is not a port; write a number from 1 to 65535", port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port != "" && port != defaultPort(u.Scheme) {
		host += ":" + port
	}
	return &url.URL{Scheme: u.Scheme, Host: host}, nil
}

func validPort(port string) bool {
	n, err := strconv.Atoi(port)
	return err == nil && n >= 1 && n <= 65535 && strconv.Itoa(n) == port
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// validHost takes IP addresses without a zone, and names of letters, digits, dots, hyphens and underscores.
func validHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == ""
	}
	if host == "" || len(host) > 253 || strings.Contains(host, ":") {
		return false
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

package links

import (
	"net/http"
	"net/url"
	"strings"
)

// Frontend are the origins by which a frontend may call itself: a server that makes a redirect absolute takes them for the
// address that its visitor uses. What they name lies below public_url.
type Frontend struct {
	scheme string          // of the frontend's own connections, for addresses that begin with //
	known  map[string]bool // scheme://host:port
	public string          // public_url
}

// NewFrontend collects them. Besides its address in config.yaml, a frontend knows the Host that it is asked with, and
// servers such as nginx write that with the port that they themselves listen on.
func NewFrontend(upstream, public *url.URL, askedHost string) Frontend {
	asked := &url.URL{Scheme: upstream.Scheme, Host: askedHost}
	withOwnPort := &url.URL{Scheme: upstream.Scheme, Host: hostPort(asked.Hostname(), portOf(upstream))}
	o := Frontend{scheme: upstream.Scheme, known: map[string]bool{}, public: public.String()}
	for _, u := range []*url.URL{upstream, asked, withOwnPort} {
		o.known[originKey(u)] = true
	}
	return o
}

// originKey spells the port out, so that http://web and http://web:80 are one.
func originKey(u *url.URL) string {
	return strings.ToLower(u.Scheme + "://" + hostPort(u.Hostname(), portOf(u)))
}

func hostPort(host, port string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + port
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case strings.EqualFold(u.Scheme, "https"):
		return "443"
	default:
		return "80"
	}
}

// MapHeader lets Location and Content-Location (RFC 9110 sections 10.2.2 and 8.7) lead to the gateway where they name the
// frontend itself. Paths, and other places, stay as they are.
func (o Frontend) MapHeader(h http.Header) {
	for _, name := range []string{"Location", "Content-Location"} {
		for i, value := range h[name] {
			h[name][i] = o.mapped(value)
		}
	}
}

func (o Frontend) mapped(location string) string {
	u, err := url.Parse(location)
	if err != nil || u.Host == "" || u.User != nil {
		return location
	}
	if u.Scheme == "" {
		u.Scheme = o.scheme
	}
	if !o.known[originKey(u)] {
		return location
	}
	_, behind, _ := strings.Cut(location, "//")
	if end := strings.IndexAny(behind, "/?#"); end >= 0 {
		return o.public + behind[end:]
	}
	return o.public + "/"
}

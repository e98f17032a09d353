package proxy

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"stagedoor/proxy/policy"
)

// Validate reports every problem: the field by its path below "server", and a sentence that says what to do.
func (c ServerConfig) Validate(report func(field, problem string)) {
	if problem := ListenProblem(c.Listen); problem != "" {
		report("listen", problem)
	}
	if problem := publicURLProblem(c.PublicURL); problem != "" {
		report("public_url", problem)
	}
	c.TLS.validate(c.PublicURL, report)
	for i, cidr := range c.TrustedProxies {
		if cidr == policy.UnixPeers {
			continue
		}
		if problem := cidrProblem(cidr); problem != "" {
			report(fmt.Sprintf("trusted_proxies[%d]", i), problem)
		}
	}
	for i, origin := range c.AllowedOrigins {
		if problem := originProblem(origin); problem != "" {
			report(fmt.Sprintf("allowed_origins[%d]", i), problem)
		}
	}
	if c.ShutdownDelay < 0 {
		report("shutdown_delay", "must not be negative; write 0s to close the listeners at once")
	}
	if c.ShutdownTimeout < 0 {
		report("shutdown_timeout", "must not be negative; write how long requests in flight may take, such as 30s")
	}
	c.validateLimits(report)
}

func (c ServerConfig) validateLimits(report func(field, problem string)) {
	positive(report, []lowerBound{
		{"max_request_body", int64(c.MaxRequestBody), "1MiB"},
		{"max_header", int64(c.MaxHeader), "64KiB"},
		{"max_path", int64(c.MaxPath), "2KiB"},
		{"read_header_timeout", int64(c.ReadHeaderTimeout), "10s"},
		{"read_body_timeout", int64(c.ReadBodyTimeout), "1m"},
		{"write_stall_timeout", int64(c.WriteStallTimeout), "1m"},
		{"keepalive_timeout", int64(c.KeepaliveTimeout), "2m"},
		{"max_connections", int64(c.MaxConnections), "10000"},
		{"max_streams", int64(c.MaxStreams), "250"},
		{"client_rate.per", int64(c.ClientRate.Per), "1m"},
	})
	for _, l := range []struct {
		field, none string
		value       int
	}{
		{"max_in_flight", "to have it worked out", c.MaxInFlight},
		{"client_rate.requests", "for no limit", c.ClientRate.Requests},
		{"client_rate.logins", "for no limit", c.ClientRate.Logins},
	} {
		if l.value < 0 {
			report(l.field, "must not be negative; write 0 "+l.none)
		}
	}
	if problem := maintenanceProblem(c.Maintenance); problem != "" {
		report("maintenance", problem)
	}
}

// maxMaintenance bounds the text of a maintenance, in bytes: it is a sentence or two on a page.
const maxMaintenance = 2000

func maintenanceProblem(text string) string {
	switch {
	case len(text) > maxMaintenance:
		return fmt.Sprintf("must have at most %d bytes; write a sentence or two for visitors", maxMaintenance)
	case text != "" && strings.TrimSpace(text) == "":
		return `is blank; write a text for visitors, or "" for no maintenance`
	}
	return ""
}

// Validate reports every problem: the field by its path below "upstream", and a sentence that says what to do.
func (c UpstreamConfig) Validate(report func(field, problem string)) {
	positive(report, []lowerBound{
		{"connect_timeout", int64(c.ConnectTimeout), "10s"},
		{"header_timeout", int64(c.HeaderTimeout), "30s"},
		{"max_header", int64(c.MaxHeader), "256KiB"},
	})
}

// lowerBound is a limit that cannot be turned off: a large value stands for none.
type lowerBound struct {
	field   string
	value   int64
	example string
}

func positive(report func(field, problem string), limits []lowerBound) {
	for _, l := range limits {
		if l.value <= 0 {
			report(l.field, "must be above zero, such as "+l.example)
		}
	}
}

func (c TLSConfig) validate(publicURL string, report func(field, problem string)) {
	switch {
	case (c.CertFile == "") != (c.KeyFile == ""):
		report("tls", "cert_file and key_file belong together; set both or neither")
	case c.CertFile != "" && strings.HasPrefix(publicURL, "http:"):
		report("tls", "the listener speaks TLS, so public_url must begin with https://")
	}
}

// Addresses that are no host:port; see package listen.
const (
	unixPrefix    = "unix:"
	systemdPrefix = "systemd:"
)

// maxSocketPath is what Linux allows the path of a socket (unix(7)), in bytes.
const maxSocketPath = 107

// ListenProblem says what is wrong with an address to listen on; empty when nothing is.
func ListenProblem(listen string) string {
	if path, isUnix := strings.CutPrefix(listen, unixPrefix); isUnix {
		if !filepath.IsAbs(path) || len(path) > maxSocketPath {
			return fmt.Sprintf("%q is not the path of a socket; write one such as unix:/run/stagedoor/http.sock, with at most %d bytes", listen, maxSocketPath)
		}
		return ""
	}
	if name, isSystemd := strings.CutPrefix(listen, systemdPrefix); isSystemd {
		if name == "" || strings.ContainsAny(name, ":/ ") {
			return fmt.Sprintf("%q does not name a socket; write its FileDescriptorName, such as systemd:http", listen)
		}
		return ""
	}
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Sprintf("%q is not an address to listen on; write host:port such as 127.0.0.1:8080", listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("%q is not a port; write a number from 0 to 65535", port)
	}
	return ""
}

// publicURLProblem applies Spotify's rules for redirect URIs, because the callback lies below public_url
// (https://developer.spotify.com/documentation/web-api/concepts/redirect_uri).
func publicURLProblem(raw string) string {
	u, err := policy.ParseOrigin(raw)
	if err != nil {
		return err.Error()
	}
	if strings.ToLower(raw) != raw {
		return "Spotify compares redirect URIs letter for letter, and browsers send lower case; write it in lower case"
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return "Spotify rejects localhost in redirect URIs; write 127.0.0.1 instead"
	}
	if u.Scheme == "http" && host != "127.0.0.1" && host != "::1" {
		return "Spotify takes plain http only on 127.0.0.1 and [::1]; write https://"
	}
	return ""
}

func cidrProblem(cidr string) string {
	if _, err := netip.ParsePrefix(cidr); err == nil {
		return ""
	}
	if addr, err := netip.ParseAddr(cidr); err == nil && addr.Zone() == "" {
		return fmt.Sprintf("%q is one address; write it as a network, %s/%d", cidr, addr, addr.BitLen())
	}
	return fmt.Sprintf("%q is not a network; write CIDR such as 10.0.0.0/8", cidr)
}

// originProblem wants the very bytes that a browser sends, because that is what they are compared with.
func originProblem(raw string) string {
	u, err := policy.ParseOrigin(raw)
	if err != nil {
		return err.Error()
	}
	if u.String() != raw {
		return fmt.Sprintf("browsers send this origin as %s; write it so", u)
	}
	return ""
}

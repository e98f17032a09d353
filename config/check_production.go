package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"regexp"
)

// demoKey is the session key of the repository's demo.env, which everybody knows.
const demoKey = "c3RhZ2Vkb29yIGRlbW8ga2V5LCBub3QgYSBzZWNyZXQ="

// warnOfKeys reports session keys that others know.
func (c *checker) warnOfKeys() {
	for i, key := range c.config.Session.Keys {
		raw, err := base64.StdEncoding.DecodeString(key.Reveal())
		if err != nil || len(raw) == 0 {
			continue
		}
		same := true
		for _, b := range raw {
			same = same && b == raw[0]
		}
		field := fmt.Sprintf("session.keys[%d]", i)
		switch {
		case key.Reveal() == demoKey:
			c.addWarning(field, "this is the key of demo.env, which everybody knows; make one with `stagedoor key`")
		case same:
			c.addWarning(field, "this key is one byte again and again, which anybody can guess; make one with `stagedoor key`")
		}
	}
}

// warnOfNetworks reports what is open to more than is likely to be meant.
func (c *checker) warnOfNetworks() {
	for i, cidr := range c.config.Server.TrustedProxies {
		if prefix, err := netip.ParsePrefix(cidr); err == nil && prefix.Bits() == 0 {
			c.addWarning(fmt.Sprintf("server.trusted_proxies[%d]", i),
				"everybody is a trusted proxy, so everybody can write the address that the log and server.client_rate go by; "+
					"list the networks of your proxies alone")
		}
	}
}

// inContainer tells whether the process has addresses of its own that only its container's network reaches.
func (c *checker) inContainer() bool {
	if _, kubernetes := c.getenv("KUBERNETES_SERVICE_HOST"); kubernetes {
		return true
	}
	return !missing("/.dockerenv") || !missing("/run/.containerenv")
}

// adminOnAllAddresses says what is wrong with an admin listener that all networks of a machine reach.
func adminOnAllAddresses(listen string, inContainer bool) (problem string) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || inContainer || !isWildcard(host) {
		return ""
	}
	return "the operator's page and the metrics are open on all addresses of this machine; write 127.0.0.1 or the address of a network " +
		"that only you reach"
}

// variableWithoutBraces is a reference as a shell has it.
var variableWithoutBraces = regexp.MustCompile(`^\$[A-Za-z_][A-Za-z0-9_]*$`)

// warnOfAdmin reports an admin listener that anybody may reach.
func (c *checker) warnOfAdmin() {
	if problem := adminOnAllAddresses(c.config.Admin.Listen, c.inContainer()); problem != "" {
		c.addWarning("admin.listen", problem)
	}
}

// warnOfVariables reports values that look like a reference to a variable and are none.
func (c *checker) warnOfVariables() {
	for field, text := range map[string]string{
		"spotify.client_id": c.config.Spotify.ClientID, "spotify.client_secret": c.config.Spotify.ClientSecret.Reveal(),
		"redis.password": c.config.Redis.Password.Reveal(), "server.public_url": c.config.Server.PublicURL,
	} {
		if variableWithoutBraces.MatchString(text) {
			c.addWarning(field, fmt.Sprintf("a variable is written ${%s}; without the braces this is the text itself", text[1:]))
		}
	}
}

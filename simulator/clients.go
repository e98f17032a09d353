package simulator

import (
	"crypto/subtle"
	"fmt"
	"net/url"
	"strings"
)

// Client is a registered app.
type Client struct {
	ID string
	// Name is what the consent page calls the app; empty means ID.
	Name string
	// Secret authenticates the client with HTTP Basic. Empty makes it a public client, which must use PKCE and must
	// not authenticate.
	Secret string
	// RedirectURIs are compared as text. http is for the literals 127.0.0.1 and [::1] only; registered without a
	// port, they take any port (https://developer.spotify.com/documentation/web-api/concepts/redirect_uri).
	RedirectURIs []string
}

// loopbacks are the beginnings of the only http redirect URIs.
var loopbacks = []string{"http://127.0.0.1", "http://[::1]"}

func (c Client) title() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}

func (c Client) public() bool { return c.Secret == "" }

func (c Client) secretIs(secret string) bool {
	return !c.public() && subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) == 1
}

// allows tells whether the app registered the redirect URI.
func (c Client) allows(uri string) bool {
	for _, registered := range c.RedirectURIs {
		if uri == registered || sameButPort(registered, uri) {
			return true
		}
	}
	return false
}

// sameButPort tells whether registered is a loopback literal without a port and uri the same with one.
func sameButPort(registered, uri string) bool {
	for _, origin := range loopbacks {
		rest, ok := strings.CutPrefix(registered, origin)
		if !ok || strings.HasPrefix(rest, ":") {
			continue
		}
		tail, ok := strings.CutPrefix(uri, origin+":")
		if !ok {
			continue
		}
		digits := len(tail) - len(strings.TrimLeft(tail, "0123456789"))
		if digits > 0 && digits <= 5 && tail[digits:] == rest {
			return true
		}
	}
	return false
}

// checkRedirectURI says why Spotify would refuse to register the URI.
func checkRedirectURI(uri string) error {
	u, err := url.Parse(uri)
	if err != nil {
		return fmt.Errorf("the redirect URI %q is no URL; correct it", uri)
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case host == "":
		return fmt.Errorf("the redirect URI %q has no host; write an absolute https URL", uri)
	case host == "localhost" || strings.HasSuffix(host, ".localhost"):
		return fmt.Errorf("the redirect URI %q is on localhost, which Spotify refuses; write 127.0.0.1", uri)
	case u.User != nil || strings.ContainsAny(uri, "#*\\ "):
		return fmt.Errorf("the redirect URI %q has a user, a fragment, a wildcard or a blank; remove it", uri)
	case u.Scheme == "http" && host != "127.0.0.1" && host != "::1":
		return fmt.Errorf("the redirect URI %q is plain http; use https, or 127.0.0.1 or [::1]", uri)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("the redirect URI %q has the scheme %q; use https", uri, u.Scheme)
	}
	return nil
}

package simulator

import (
	"net/url"
	"strings"
)

// Side is one of the two services that the simulator imitates.
type Side string

const (
	// SideAccounts is accounts.spotify.com: /authorize and /api/token.
	SideAccounts Side = "accounts"
	// SideAPI is api.spotify.com: /v1.
	SideAPI Side = "api"
)

// Match selects requests. Every field that is set must agree; the zero Match selects every request of both sides.
type Match struct {
	Side Side `json:"side,omitempty"`
	// Method is compared as text.
	Method string `json:"method,omitempty"`
	// Path is a prefix on whole segments, with the /v1 of the API side: /v1/me/player is also /v1/me/player/play. One
	// slash at the end of a path makes no difference.
	Path string `json:"path,omitempty"`
	// Exact takes Path for the whole path.
	Exact bool `json:"exact,omitempty"`
	// Grant is the grant_type of a call of the token endpoint.
	Grant string `json:"grant,omitempty"`
	// Token is the label of the token that came with the request, as in Seen.
	Token string `json:"token,omitempty"`
}

func (m Match) selects(seen *Seen) bool {
	return (m.Side == "" || m.Side == seen.Side) &&
		(m.Method == "" || m.Method == seen.Method) &&
		(m.Grant == "" || m.Grant == seen.Grant) &&
		(m.Token == "" || m.Token == seen.Token) &&
		m.selectsPath(seen.Target)
}

func (m Match) selectsPath(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	if decoded, err := url.PathUnescape(path); err == nil {
		path = decoded
	}
	wanted := strings.TrimSuffix(m.Path, "/")
	if m.Path == "" || strings.TrimSuffix(path, "/") == wanted {
		return true
	}
	return !m.Exact && strings.HasPrefix(path, wanted+"/")
}

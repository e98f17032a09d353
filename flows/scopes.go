package flows

import (
	"slices"
	"strings"
)

// knownScopes are Spotify's scopes (https://developer.spotify.com/documentation/web-api/concepts/scopes).
var knownScopes = []string{
	"app-remote-control",
	"playlist-modify-private",
	"playlist-modify-public",
	"playlist-read-collaborative",
	"playlist-read-private",
	"soa-create-partner",
	"soa-manage-entitlements",
	"soa-manage-partner",
	"streaming",
	"ugc-image-upload",
	"user-follow-modify",
	"user-follow-read",
	"user-library-modify",
	"user-library-read",
	"user-modify-playback-state",
	"user-personalized",
	"user-read-currently-playing",
	"user-read-email",
	"user-read-playback-position",
	"user-read-playback-state",
	"user-read-private",
	"user-read-recently-played",
	"user-soa-link",
	"user-soa-unlink",
	"user-top-read",
}

// splitScopes reads a scope parameter (RFC 6749 section 3.3: names separated by single spaces; more spaces do no harm).
func splitScopes(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// unknownScope returns the first name that is none of Spotify's.
func unknownScope(scopes []string) (name string, found bool) {
	i := slices.IndexFunc(scopes, func(s string) bool { return !slices.Contains(knownScopes, s) })
	if i < 0 {
		return "", false
	}
	return scopes[i], true
}

// union returns every scope once, in the order of first mention.
func union(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		for _, scope := range list {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return all
}

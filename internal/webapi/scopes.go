package webapi

import "slices"

// scopes are sorted by name.
var scopes = []string{
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

// Scopes returns every scope that Spotify documents, sorted
// (https://developer.spotify.com/documentation/web-api/concepts/scopes). The caller may change the list.
func Scopes() []string { return slices.Clone(scopes) }

// Known tells whether Spotify documents a scope of this name. Case counts (RFC 6749 section 3.3).
func Known(scope string) bool {
	_, found := slices.BinarySearch(scopes, scope)
	return found
}

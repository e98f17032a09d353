package simulator

import (
	"slices"
	"strings"
)

// scopes are the documented ones, each with what it lets an app do, in the consent page's words
// (https://developer.spotify.com/documentation/web-api/concepts/scopes).
var scopes = map[string]string{
	"app-remote-control":          "Talk to the player app on your phone",
	"playlist-modify-private":     "Change your private playlists",
	"playlist-modify-public":      "Change your public playlists",
	"playlist-read-collaborative": "See the playlists you share with others",
	"playlist-read-private":       "See your private playlists",
	"streaming":                   "Play music in the browser",
	"ugc-image-upload":            "Upload pictures on your behalf",
	"user-follow-modify":          "Follow and unfollow for you",
	"user-follow-read":            "See whom you follow",
	"user-library-modify":         "Change what is in your library",
	"user-library-read":           "See what is in your library",
	"user-modify-playback-state":  "Control your player",
	"user-read-currently-playing": "See what is playing now",
	"user-read-email":             "See your e-mail address",
	"user-read-playback-position": "See how far you are in an episode",
	"user-read-playback-state":    "See your player and your devices",
	"user-read-private":           "See your country and your kind of subscription",
	"user-read-recently-played":   "See what you played lately",
	"user-top-read":               "See your favourite artists and tracks",
}

// parseScopes splits a scope parameter (RFC 6749 section 3.3: single blanks between, none around). It answers false
// when a scope is unknown.
func parseScopes(text string) ([]string, bool) {
	if text == "" {
		return nil, true
	}
	var list []string
	for scope := range strings.SplitSeq(text, " ") {
		if _, known := scopes[scope]; !known {
			return nil, false
		}
		if !slices.Contains(list, scope) {
			list = append(list, scope)
		}
	}
	return list, true
}

package httperror

import (
	"slices"
	"strings"
)

// notRegistered are parts of the sentences with which Spotify rejects a user whom the operator of an app in development
// mode has not listed (https://developer.spotify.com/documentation/web-api/concepts/quota-modes): "User not registered in
// the Developer Dashboard", "the user may not be registered", "The user is not registered for this application".
var notRegistered = []string{"not registered", "not be registered"}

// UserNotListed returns the explanation of a 403 with which Spotify rejects a user who is not on the app's list; nil when
// the text of the 403 says something else.
func UserNotListed(text string) *Error {
	text = strings.ToLower(text)
	if !slices.ContainsFunc(notRegistered, func(part string) bool { return strings.Contains(text, part) }) {
		return nil
	}
	return New(UserNotRegistered, "Spotify lets only listed users into an app that is in development mode, and you are not on "+
		"this app's list. Ask its operator to add you under User Management in Spotify's developer dashboard, then log in again.", nil)
}

package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

const (
	messageScope        = "Insufficient client scope"
	messageUnregistered = "User not registered in the Developer Dashboard"
)

// apiError is a refusal of the API side.
type apiError struct {
	status  int
	message string
	reason  string // of the player; may be empty
	// challenge is for WWW-Authenticate; text answers in plain text, html in HTML instead of JSON.
	challenge  string
	text, html bool
	retryAfter string // the header; empty for none
}

func (e *apiError) Error() string { return e.message }

func (e *apiError) reply() *reply {
	var a *reply
	switch {
	case e.text:
		a = textReply(e.status, "text/plain; charset=utf-8", e.message)
	case e.html:
		a = textReply(e.status, "text/html; charset=UTF-8", e.message)
	default:
		fields := map[string]any{"status": e.status, "message": e.message}
		if e.reason != "" {
			fields["reason"] = e.reason
		}
		a = jsonReply(e.status, map[string]any{"error": fields})
	}
	if e.retryAfter != "" {
		a.header.Set("Retry-After", e.retryAfter)
	}
	if e.challenge != "" {
		a.header.Set("WWW-Authenticate", e.challenge)
	}
	return a
}

func refuse(status int, message string) error { return &apiError{status: status, message: message} }

// bareChallenge is the WWW-Authenticate of a call that brought no token of the kind that is needed.
const bareChallenge = `Bearer realm="spotify"`

// challenge is the WWW-Authenticate of a token that is no longer good (RFC 6750 section 3).
func challenge(description string) string {
	return `Bearer realm="spotify", error="invalid_token", error_description="` + description + `"`
}

// bearerOf returns the token of a well-formed Authorization header, or an empty text.
func bearerOf(h http.Header) string {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return token
}

// bearerLocked finds the access token of a call.
func (s *Server) bearerLocked(r *http.Request, query url.Values) (*accessToken, error) {
	if query.Has("access_token") {
		return nil, refuse(http.StatusBadRequest, "An access token does not belong into the query")
	}
	sent := r.Header.Values("Authorization")
	switch {
	case len(sent) == 0:
		return nil, &apiError{status: http.StatusUnauthorized, message: "No token provided", challenge: bareChallenge}
	case len(sent) > 1:
		return nil, refuse(http.StatusBadRequest, "There is more than one Authorization header")
	}
	value := bearerOf(r.Header)
	if value == "" {
		return nil, refuse(http.StatusBadRequest, "Only valid bearer authentication supported")
	}
	token, known := s.accounts.access[value]
	if !known || token.grant != nil && token.grant.revoked {
		return nil, invalidToken("Invalid access token")
	}
	if !s.nowLocked().Before(token.expires) {
		return nil, invalidToken("The access token expired")
	}
	if token.grant != nil && s.users[token.grant.user].Unregistered {
		return nil, &apiError{status: http.StatusForbidden, message: messageUnregistered, text: true}
	}
	return token, nil
}

func invalidToken(message string) error {
	return &apiError{status: http.StatusUnauthorized, message: message, challenge: challenge(message)}
}

package token

import (
	"strings"
	"time"

	"golang.org/x/oauth2"

	"stagedoor/secret"
	"stagedoor/session"
)

const (
	// documentedLifetime is the lifetime of an access token when the answer does not say
	// (https://developer.spotify.com/documentation/web-api/concepts/access-token).
	documentedLifetime = time.Hour
	// longestLifetime bounds what an answer may claim; a token that lives on is refreshed early, which costs one call.
	longestLifetime = 24 * time.Hour
)

// grant checks what came back. An answer without a token says nothing about the grant either.
func (c *Client) grant(answer *oauth2.Token) (session.Grant, error) {
	if !IsBearer(answer.TokenType) {
		return session.Grant{}, unavailable("the answer's token_type is not bearer")
	}
	if !Valid(answer.AccessToken) || answer.RefreshToken != "" && !Valid(answer.RefreshToken) {
		return session.Grant{}, unavailable("the answer holds no token")
	}
	var scopes []string // nil when the answer says nothing
	if text, said := answer.Extra("scope").(string); said {
		scopes = SplitScopes(text)
	}
	return session.Grant{
		Token: session.Token{
			Access: secret.New(answer.AccessToken), Expiry: c.now().Add(Lifetime(answer.ExpiresIn)), Scopes: scopes,
		},
		Refresh: secret.New(answer.RefreshToken),
	}, nil
}

// Lifetime returns how long a token lives, from the lifetime in seconds of its answer; zero or less means that it gives none.
func Lifetime(seconds int64) time.Duration {
	if seconds <= 0 {
		return documentedLifetime
	}
	return time.Duration(min(seconds, int64(longestLifetime/time.Second))) * time.Second
}

// IsBearer tells whether a token_type is bearer, in any case (RFC 6749 section 5.1). An answer that leaves the type out means
// bearer, which is the only type there is.
func IsBearer(tokenType string) bool {
	return tokenType == "" || strings.EqualFold(tokenType, "bearer")
}

// Valid tells whether text has only the characters that a token may have (RFC 6749 appendix A.12: VSCHAR).
func Valid(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// SplitScopes reads a scope parameter (RFC 6749 section 3.3: names separated by single spaces; more spaces do no harm).
// It never returns nil.
func SplitScopes(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

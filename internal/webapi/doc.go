// Package webapi holds facts about Spotify's Web API: its scopes, and its operations with the scopes that each of them
// asks for (https://developer.spotify.com/documentation/web-api).
//
// The facts explain a refusal and advise about a configuration. They never refuse a request: Spotify may change its API
// any day, and its list of an operation's scopes mixes "all of these", "one of these" and "more fields with these".
package webapi

//go:generate go run generate.go

// Package flows runs the OAuth flows: it sends a browser to Spotify's consent page, handles the callback, calls the token
// endpoint, and passes the grant to package session. It serves every endpoint below /auth/.
//
//	GET  /auth/login     ── state, PKCE ──▶ Spotify's consent page
//	GET  /auth/callback  ◀── code, state ── ; code ──▶ token endpoint; token ──▶ /me; a new session
//	GET  /auth/session   the user that is logged in
//	POST /auth/logout    the end
//
// The grants are those of Spotify's authorization guide
// (https://developer.spotify.com/documentation/web-api/concepts/authorization).
package flows

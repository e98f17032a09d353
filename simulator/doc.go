// Package simulator is a strict, stateful imitation of accounts.spotify.com and api.spotify.com/v1, for tests and
// demonstrations. Its people and its music are invented. It is never laxer than Spotify, and forgets everything when
// it stops; it must not stand anywhere that matters.
//
// New makes a *Server, which is an http.Handler:
//
//	/authorize         the consent page; POST is its form: the query's parameters, user and decision
//	/api/token         authorization_code (with or without PKCE), refresh_token, client_credentials
//	/v1/…              the Web API; see endpoints.go for what there is
//	/                  a page that says what this is
//	/_simulator/…      the control API, JSON over HTTP, for tests in other processes
//
// # Knobs
//
// Every knob is a method of Server and an endpoint of the control API. A wrong value is an error, and 400 there.
//
//	method               control API                                what it does
//	AddFault             POST   /_simulator/faults                  puts a Fault into force; {"preset":"api-429","times":1}
//	Faults               GET    /_simulator/faults                  lists those in force
//	ClearFault           DELETE /_simulator/faults/{id}             ends one; delayed requests go on, hanging ones are cut
//	ClearFaults          DELETE /_simulator/faults                  ends all
//	Preset, PresetNames  GET    /_simulator/presets                 well-known faults, below
//	Seen                 GET    /_simulator/seen                    requests as they arrived; query: side, method, path,
//	                                                                exact, grant, token, after, done
//	AwaitSeen            GET    /_simulator/seen?n=2&wait=5s        the same, once there are n
//	ForgetSeen           DELETE /_simulator/seen                    empties the log and the counts
//	Counts               GET    /_simulator/counts                  token calls by grant, refreshes by outcome and token
//	SetConsent           PUT    /_simulator/consent                 decides without a page; {"user":"ada","decision":"agree",
//	                                                                "scopes":[…]}: cancel, or less than what is asked for
//	ClearConsent         DELETE /_simulator/consent                 shows the page again
//	SetRefreshMode       PUT    /_simulator/refresh-mode            {"mode":"keep"}, "rotate" or "empty"
//	SetRateLimit         PUT    /_simulator/rate-limit              calls per client in a rolling window; {"calls":180,
//	                                                                "window":"30s","images":10,"ban":"60s","grow":"1s",
//	                                                                "retry_after":"none","reason":"QUOTA_EXCEEDED"}
//	SetCaching           PUT    /_simulator/caching                 {"on":false}: no Cache-Control and no ETag
//	Ban                  POST   /_simulator/ban                     rejects a client's calls; {"client","for":"60s"}
//	ExpireAccessTokens   POST   /_simulator/expire-access-tokens    ends every access token now
//	RevokeUser           POST   /_simulator/users/{id}/revoke       ends a user's grants and their tokens
//	Remote               POST   /_simulator/users/{id}/remote       what the user does on another device; {"device":"Pocket
//	                                                                phone","action":"next","every":"30s"}
//	Authorize            POST   /_simulator/authorize               tokens without a login; {"client","user","scopes"}
//	Advance              POST   /_simulator/advance                 moves the clock; {"by":"4320h"}
//	Reset                POST   /_simulator/reset                   the state after New
//	                     GET    /_simulator/users                   the people
//
// The settings for a whole life are in Options: TokenLifetime, Implicit, Now, APIBase, PublicURL, Remember, Log. A
// user's Unregistered, Product, Listening and Faceless make the odd people.
//
// # Presets
//
// A preset whose name begins with token- meets POST /api/token, one that begins with api- meets /v1.
//
//	token-500 token-502 token-503 token-429    an outage: text bodies; 503 has Retry-After 5, 429 has 2
//	token-html token-empty token-cut-json      200 with a page, with nothing, with half a JSON text
//	token-truncated                            carried out, the connection cut in the middle of the answer
//	token-error-200 token-unknown-error        an error with status 200; an error code that OAuth does not know
//	token-huge                                 200 and 64 MiB
//	token-hang token-reset token-reset-after   no answer; a TCP reset instead of, or after the execution
//	token-redirect                             307 to another address
//	token-slow token-slow-after                2s before, or after the refresh token is rotated
//	token-refresh-revoked -expired -invalid    invalid_grant for every refresh
//	token-code-expired -redirect -verifier     invalid_grant for every code
//	token-invalid-client (-401: with that status) token-invalid-secret token-invalid-request
//	token-expires-missing -zero -negative -absurd -text; token-type-lower -mac; token-access-empty
//	token-scope-narrower token-scope-missing   a true answer with one field changed
//
//	api-expired api-spurious-401 api-bare-401  401: with the challenge, without, without a body
//	api-scope api-not-registered api-owner-premium api-404
//	api-429 api-429-day api-429-bare           429: Retry-After 2, 86400, none
//	api-429-quota api-429-text                 429: reason QUOTA_EXCEEDED; a text body
//	api-500 api-502 api-503 api-502-html api-503-text api-500-empty
//	api-opaque api-204 api-202                 carried out, and answered as the player does
//	api-slow api-hang api-reset api-reset-after api-truncated
//	api-redirect api-redirect-307              to an address where nothing listens
//	api-hostile                                cookies, CORS and policies in 103, in the answer and in trailers
//
// # Where it is stricter than Spotify
//
// On the accounts side: state is required; doubled parameters, an unknown scope, a redirect URI on localhost, and at
// the token endpoint unknown parameters, parameters in the query, a client_secret in the body and other content types
// are refused; a confidential client must use HTTP Basic and a public one must not; a code is spent also by a
// redemption that fails, and its reuse ends the grant; a verifier needs a challenge.
//
// On the API side: access_token in the query, two Authorization headers, doubled parameters, a body on GET, paths
// that are not written plainly, and content types other than JSON (a missing one is let through) are refused; chunked
// bodies only for pictures; every scope that the reference names is needed; old snapshots cannot be changed.
//
// The consent page is shown at every login, so that another person can be chosen; show_dialog changes nothing. It
// sets no cookie. The parameters market and fields have no effect.
package simulator

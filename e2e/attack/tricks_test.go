package attack

import (
	"fmt"
	"net/http"
)

// trick is something that a page of another origin tries with the gateway.
type trick struct {
	name string
	// script is for testdata/attack.html.
	script string
	// arrives is the one request that the gateway gets of it; empty for none.
	arrives string
	// status and reason are the gateway's answer; 0 is 403 CROSS_ORIGIN_REFUSED.
	status int
	reason string
	// bare tells that the browser leaves the cookie out, whatever the cookie's SameSite says.
	bare bool
	// passes tells that it is a person's navigation to a route: it is carried out, and no other site can read what it shows.
	passes bool
}

// answer is what the gateway should say.
func (t trick) answer(cookie bool) (status int, reason string) {
	switch {
	case t.passes && cookie:
		return http.StatusOK, ""
	case t.passes:
		return http.StatusFound, "LOGIN_REQUIRED"
	case t.status == 0:
		return http.StatusForbidden, "CROSS_ORIGIN_REFUSED"
	case t.status == http.StatusNoContent && !cookie:
		return http.StatusUnauthorized, "LOGIN_REQUIRED"
	default:
		return t.status, t.reason
	}
}

// tricks are all of them; the handle is that of the session under attack.
func tricks(handle string) []trick {
	all := append(posts(), preflights(handle)...)
	all = append(all, forms(handle)...)
	all = append(all, reads()...)
	return append(all, navigations()...)
}

const (
	nextTrack = "/api/me/player/next"
	getMe     = "GET /api/me"
)

// posts are what a page may send without asking first.
func posts() []trick {
	const next, logout, token = "POST " + nextTrack, "POST /auth/logout", "POST /auth/token"
	return []trick{
		{name: "no-cors POST", script: `send(at('/api/me/player/next'), {method: 'POST', mode: 'no-cors'})`, arrives: next},
		{name: "no-cors POST without a referrer", arrives: next,
			script: `send(at('/api/me/player/next'), {method: 'POST', mode: 'no-cors', referrerPolicy: 'no-referrer'})`},
		{name: "no-cors POST that outlives its page", arrives: next,
			script: `send(at('/api/me/player/next'), {method: 'POST', mode: 'no-cors', keepalive: true})`},
		{name: "no-cors POST by a redirect", arrives: next,
			script: `send(bounce('/api/me/player/next'), {method: 'POST', mode: 'no-cors'})`},
		{name: "no-cors POST by the app's own redirect", arrives: next,
			script: `send(bounce('/api/me/player/next', 'https://app.example.test'), {method: 'POST', mode: 'no-cors'})`},
		{name: "no-cors POST with a body", arrives: logout,
			script: `send(at('/auth/logout'), {method: 'POST', mode: 'no-cors', body: 'everywhere=true'})`},
		{name: "no-cors POST with the header of scripts, which the browser removes", arrives: logout,
			script: `send(at('/auth/logout'), {method: 'POST', mode: 'no-cors', headers: {'Stagedoor-Request': '1'}})`},
		{name: "no-cors POST for a token", script: `send(at('/auth/token'), {method: 'POST', mode: 'no-cors'})`, arrives: token},
		{name: "cors POST", script: `send(at('/api/me/player/next'), {method: 'POST'})`, arrives: next},
		{name: "cors POST for a token", script: `send(at('/auth/token'), {method: 'POST'})`, arrives: token},
		{name: "cors POST without cookies", arrives: token, bare: true,
			script: `send(at('/auth/token'), {method: 'POST', credentials: 'omit'})`},
		{name: "a beacon", script: `beacon(at('/api/me/player/next'))`, arrives: next},
		{name: "a beacon to the logout", arrives: logout,
			script: `beacon(at('/auth/logout'), new URLSearchParams('everywhere=true'))`},
		{name: "a ping", script: `ping(at('/auth/logout'))`, arrives: logout},
		{name: "fetch as if it navigated", script: `send(at('/auth/logout'), {method: 'POST', mode: 'navigate'})`},
	}
}

// preflights are what a page may send only if the gateway lets it.
func preflights(handle string) []trick {
	own := "/auth/sessions/" + handle
	return []trick{
		{name: "PUT at Spotify", arrives: "OPTIONS /api/me/player/pause", bare: true,
			script: `send(at('/api/me/player/pause'), {method: 'PUT'})`},
		{name: "DELETE at Spotify", arrives: "OPTIONS /api/me/following", bare: true,
			script: `send(at('/api/me/following'), {method: 'DELETE'})`},
		{name: "DELETE of the session", arrives: "OPTIONS " + own, bare: true,
			script: `send(at('` + own + `'), {method: 'DELETE'})`},
		{name: "POST of JSON", arrives: "OPTIONS /auth/logout", bare: true,
			script: `send(at('/auth/logout'), {method: 'POST', headers: {'Content-Type': 'application/json'}})`},
		{name: "POST with the header of scripts", arrives: "OPTIONS /auth/logout", bare: true,
			script: `send(at('/auth/logout'), {method: 'POST', headers: {'Stagedoor-Request': '1'}})`},
		{name: "GET with a bearer", arrives: "OPTIONS /api/me", bare: true,
			script: `send(at('/api/me'), {headers: {Authorization: 'Bearer x'}})`},
	}
}

// forms need no script at all.
func forms(handle string) []trick {
	all := []trick{
		{name: "a form by a redirect", script: `submit(bounce('/auth/logout'))`, arrives: "POST /auth/logout"},
		{name: "a form by the app's own redirect", arrives: "POST /auth/logout",
			script: `submit(bounce('/auth/logout', 'https://app.example.test'))`},
		{name: "a form in a window", arrives: "POST /auth/logout",
			script: `submit(at('/auth/logout?everywhere=true'), {into: 'window'})`},
		{name: "a form by GET", script: `submit(at('/api/me'), {method: 'get'})`, arrives: getMe},
		{name: "a logout as a form by GET", script: `submit(at('/auth/logout'), {method: 'get'})`,
			arrives: "GET /auth/logout", status: http.StatusMethodNotAllowed, reason: "METHOD_REFUSED"},
	}
	for _, path := range []string{"/auth/logout", "/auth/sessions/" + handle, nextTrack, "/auth/token"} {
		for _, kind := range []string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"} {
			all = append(all, trick{
				name: fmt.Sprintf("a form to %s as %s", path, kind), arrives: "POST " + path,
				script: fmt.Sprintf(`submit(at('%s'), {enctype: '%s'})`, path, kind),
			})
		}
	}
	return all
}

// reads are what a page may embed and fetch; each would reach Spotify, or tell about the user.
func reads() []trick {
	const session = "GET /auth/session"
	return []trick{
		{name: "an image", script: `load('img', {src: at('/api/me')})`, arrives: getMe},
		{name: "an image by a redirect", script: `load('img', {src: bounce('/api/me')})`, arrives: getMe},
		{name: "an image by the app's own redirect", arrives: getMe,
			script: `load('img', {src: bounce('/api/me', 'https://app.example.test')})`},
		{name: "an image with CORS", script: `load('img', {crossOrigin: 'use-credentials', src: at('/api/me')})`, arrives: getMe},
		{name: "a script", script: `load('script', {src: at('/api/me')})`, arrives: getMe},
		{name: "a module", arrives: getMe,
			script: `load('script', {type: 'module', crossOrigin: 'use-credentials', src: at('/api/me')})`},
		{name: "a script about the session", script: `load('script', {src: at('/auth/session')})`, arrives: session},
		{name: "a style sheet", script: `load('link', {rel: 'stylesheet', href: at('/api/me')})`, arrives: getMe},
		{name: "a prefetch", script: `load('link', {rel: 'prefetch', href: at('/api/me')})`, arrives: getMe},
		{name: "an object", script: `load('object', {data: at('/api/me')})`, arrives: getMe},
		{name: "a frame", script: `load('iframe', {src: at('/api/me')})`, arrives: getMe},
		{name: "a frame about the session", script: `load('iframe', {src: at('/auth/session')})`, arrives: session},
		{name: "no-cors GET", script: `send(at('/api/me'), {mode: 'no-cors'})`, arrives: getMe},
		{name: "cors GET", script: `send(at('/api/me'))`, arrives: getMe},
		{name: "cors GET without cookies", script: `send(at('/api/me'), {credentials: 'omit'})`, arrives: getMe, bare: true},
		{name: "cors HEAD", script: `send(at('/api/me'), {method: 'HEAD'})`, arrives: "HEAD /api/me"},
		{name: "cors GET of the session", script: `send(at('/auth/session'))`, arrives: session},
		{name: "cors GET of the sessions", script: `send(at('/auth/sessions'))`, arrives: "GET /auth/sessions"},
		{name: "server-sent events", script: `listen(at('/api/me'))`, arrives: getMe},
		{name: "a WebSocket to Spotify", script: `talk(at('/api/me'))`, arrives: getMe},
		// It answers other proxies, whatever headers those have from a browser; a page cannot see whom it speaks of.
		{name: "whose session it is", script: `send(at('/auth/verify'))`,
			arrives: "GET /auth/verify", status: http.StatusNoContent},
	}
}

// navigations lead to the gateway's own pages. In a window, a lax cookie goes along too.
func navigations() []trick {
	const bad, wrong = "INVALID_REQUEST", "METHOD_REFUSED"
	const login, logout, callback = "GET /auth/login", "GET /auth/logout", "GET /auth/callback"
	return []trick{
		{name: "a window", script: `visit(at('/api/me'))`, arrives: getMe, passes: true},
		{name: "a window about the session", script: `visit(at('/auth/session'))`, arrives: "GET /auth/session"},
		{name: "a logout as an image", script: `load('img', {src: at('/auth/logout')})`,
			arrives: logout, status: 405, reason: wrong},
		{name: "a logout as a window", script: `visit(at('/auth/logout'))`, arrives: logout, status: 405, reason: wrong},
		{name: "a login as an image", script: `load('img', {src: at('/auth/login')})`,
			arrives: login, status: 400, reason: bad},
		{name: "a login by fetch", script: `send(at('/auth/login'), {mode: 'no-cors'})`,
			arrives: login, status: 400, reason: bad},
		// The consent page opens, and nothing has happened until its callback.
		{name: "a login as a window", script: `visit(at('/auth/login'))`, arrives: login, status: http.StatusFound},
		{name: "a callback as an image", script: `load('img', {src: at('/auth/callback?code=x&state=y')})`,
			arrives: callback, status: 400, reason: bad},
		{name: "a callback as a frame", script: `load('iframe', {src: at('/auth/callback?code=x&state=y')})`,
			arrives: callback, status: 400, reason: bad},
		{name: "a callback as a window", script: `visit(at('/auth/callback?code=x&state=y'))`,
			arrives: callback, status: 400, reason: bad},
	}
}

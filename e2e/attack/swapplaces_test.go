package attack

import (
	"net/http"
	"net/url"
	"strings"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// swapPlaces are the places of a flow. The attacker has every value, and neither the victim's browser nor her account: what
// takes a login needs his own, or a browser that is nobody's.
func swapPlaces(flow string) []swapPlace {
	places := []swapPlace{
		{name: "the session cookie", belong: []string{"session id"}, put: asSessionCookie},
		{name: "the login cookie", belong: []string{"login cookie"}, put: asLoginCookie},
		{name: "the state", belong: []string{"state"}, put: asState},
		{name: "the ticket", belong: []string{"ticket"}, put: asTicket},
		{name: "the handle", put: asHandle},
		{name: "the API key", belong: []string{"API key"}, put: asAPIKey},
		{name: "a bearer", put: asBearer},
		{name: "the parameter access_token", put: asParameter},
		{name: "a refresh token", put: asRefreshToken},
		{name: "the request id", put: asRequestID},
		{name: "the code", belong: []string{"authorization code"}, put: asCode, spends: true},
	}
	if flow == flows.FlowImplicit {
		places = append(places, swapPlace{
			name: "the fragment's token", belong: []string{"access token", "token of the fragment"}, put: asFragmentToken,
			spends: true,
		})
	}
	return places
}

// wantsLogin tells whether an answer says that nobody is logged in.
func wantsLogin(a stage.Answer) bool {
	return a.Status == http.StatusUnauthorized && a.Reason() == "LOGIN_REQUIRED"
}

func asSessionCookie(st *swapTrial, value string) (a stage.Answer, refused bool) {
	v, cookie := surfer(st.loginTrial.World), "stagedoor="+value
	for _, c := range []struct{ method, path string }{
		{http.MethodGet, "/api/me"}, {http.MethodPost, "/auth/token"}, {http.MethodDelete,
			"/auth/sessions/" + st.values["handle"]},
	} {
		if value == st.values["session id"] && c.method != http.MethodGet { // which would work, and end it
			continue
		}
		if a = v.Do(c.method, c.path, "", "Cookie", cookie); !wantsLogin(a) {
			return a, false
		}
	}
	if a = v.Get("/auth/session", "Cookie", cookie); !strings.Contains(a.Body, `"authenticated":false`) {
		return a, false
	}
	a = v.Do(http.MethodPost, "/auth/logout?everywhere=true", "", "Cookie", cookie) // fine, and ends nothing
	return a, a.Status == http.StatusNoContent
}

func asLoginCookie(st *swapTrial, value string) (stage.Answer, bool) {
	a := st.arrive(surfer(st.loginTrial.World), st.pending, "Cookie", loginCookie(st.pending.Get("state"))+"="+value)
	return a, hasRefused(a)
}

// asState comes back in the victim's own browser, with her code.
func asState(st *swapTrial, value string) (stage.Answer, bool) {
	back := url.Values{}
	for name, values := range st.pending {
		back[name] = values
	}
	back.Set("state", value)
	a := st.arrive(st.victim, back)
	return a, hasRefused(a)
}

func asTicket(st *swapTrial, value string) (stage.Answer, bool) {
	path := "/auth/connect?ticket=" + url.QueryEscape(value)
	if a := surfer(st.loginTrial.World).Get(path); !hasRefused(a) {
		return a, false
	}
	a := surfer(st.loginTrial.World).Do(http.MethodPost, path, "")
	return a, hasRefused(a)
}

// asHandle is the attacker's own browser; the victim's handle is none of his.
func asHandle(st *swapTrial, value string) (stage.Answer, bool) {
	a := st.attacker.Do(http.MethodDelete, "/auth/sessions/"+url.PathEscape(value), "")
	return a, a.Status == http.StatusNotFound && a.Reason() == "PATH_REFUSED"
}

func asAPIKey(st *swapTrial, value string) (stage.Answer, bool) {
	a := surfer(st.loginTrial.World).Get("/box/me/player/currently-playing", "Authorization", "Bearer "+value)
	return a, wantsLogin(a)
}

func asBearer(st *swapTrial, value string) (a stage.Answer, refused bool) {
	for path, scheme := range map[string]string{"/api/me": "Bearer ", "/auth/verify": "Bearer ", "/auth/sessions": "Basic "} {
		if a = surfer(st.loginTrial.World).Get(path, "Authorization", scheme+value); !wantsLogin(a) {
			return a, false
		}
	}
	return a, true
}

func asParameter(st *swapTrial, value string) (stage.Answer, bool) {
	a := surfer(st.loginTrial.World).Get("/api/me?access_token=" + url.QueryEscape(value))
	return a, wantsLogin(a)
}

func asRefreshToken(st *swapTrial, value string) (stage.Answer, bool) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {value}, "code": {value}, "client_secret": {value}}
	a := surfer(st.loginTrial.World).Do(http.MethodPost, "/auth/token", form.Encode(), "Content-Type", stage.FormType, "Authorization",
		"Bearer "+value)
	return a, wantsLogin(a)
}

// asRequestID is no secret's place; a value that is put there must not come back, or into the log.
func asRequestID(st *swapTrial, value string) (stage.Answer, bool) {
	a := surfer(st.loginTrial.World).Get("/auth/session", "X-Request-Id", value)
	for _, replica := range st.Replicas {
		if value != st.values["request id"] && strings.Contains(replica.Log(), `"request_id":"`+value) {
			return a, false
		}
	}
	return a, a.Header.Get("X-Request-Id") != value
}

// asCode ends a login that the attacker has begun himself.
func asCode(st *swapTrial, value string) (stage.Answer, bool) {
	query := url.Values{"code": {value}, "state": {consented(st.attacker, "chloe").Get("state")}}
	a := st.attacker.Get("/auth/callback?" + query.Encode())
	return a, hasRefused(a)
}

func asFragmentToken(st *swapTrial, value string) (stage.Answer, bool) {
	back := consented(st.attacker, "chloe")
	back.Set("access_token", value)
	a := st.arrive(st.attacker, back)
	return a, a.Status >= 400 && a.Reason() != "" && len(a.Header["Set-Cookie"]) == 0
}

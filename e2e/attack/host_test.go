package attack

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

const evilHost = "evil.example"

// forgery is a request's Host, which is the true one when it is empty, and more headers.
type forgery struct {
	host    string
	headers []string
}

// forgeries name another host in every way that some server believes.
func forgeries() []forgery {
	list := []forgery{
		{host: evilHost}, {host: evilHost + ":443"}, {host: "127.0.0.1." + evilHost}, {host: "127.0.0.1:80@" + evilHost},
		{host: evilHost + "."}, {host: "[::1]." + evilHost}, {host: "localhost." + evilHost}, {host: "localhost:1@" + evilHost},
		{headers: []string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-Host", evilHost, "X-Forwarded-Proto", "https"}},
		{headers: []string{"X-Forwarded-Host", evilHost + ", 127.0.0.1", "X-Forwarded-Port", "443"}},
		{headers: []string{"Forwarded", "host=" + evilHost + ";proto=https"}},
		{headers: []string{"Forwarded", `for=127.0.0.1;host="` + evilHost + `";proto=https;by=127.0.0.1`}},
		{headers: []string{"X-Original-URL", "https://" + evilHost + "/x", "X-Rewrite-URL", "//" + evilHost}},
		{headers: []string{"Origin", "https://" + evilHost}},
		{headers: []string{"Referer", "https://" + evilHost + "/page"}},
	}
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Forwarded-Prefix",
		"Base-Url",
		"X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Uri", "X-Real-Host", "Host-Override",
		"X_Forwarded_Host",
	} {
		list = append(list, forgery{headers: []string{name, evilHost}})
	}
	return list
}

// forged sends a request straight to a replica, because a balancer would put the headers right.
func (lt *loginTrial) forged(v *stage.Visitor, f forgery, method, path, body string, headers ...string) stage.Answer {
	lt.T.Helper()
	request, err := http.NewRequest(method, "http://"+lt.Replicas[0].Public()+path, strings.NewReader(body))
	if err != nil {
		lt.T.Fatal(err)
	}
	request.Host = f.host
	if f.host == "" {
		request.Host = strings.TrimPrefix(lt.Balancer.URL, "http://")
	}
	headers = append(headers, f.headers...)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header[headers[i]] = []string{headers[i+1]} // as it is written
	}
	for _, c := range v.Client.Jar.Cookies(home(v)) { // which http.Client would look up under the forged host
		request.AddCookie(c)
	}
	response, err := v.Client.Transport.RoundTrip(request)
	if err != nil {
		lt.T.Fatal(err)
	}
	v.Client.Jar.SetCookies(home(v), response.Cookies())
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		lt.T.Fatal(err)
	}
	return stage.Answer{Status: response.StatusCode, Header: response.Header, Body: string(text)}
}

// forgedHost goes through a login, and through answers that name a place to go, in the name of another host. The proxy
// whose word it is is a trusted one: its word counts for the client's address and nothing else.
func forgedHost(lt *loginTrial, class *attacks) {
	public := lt.Balancer.URL
	for i, f := range forgeries() {
		if lt.flow != flows.FlowCode && i%3 != 0 { // what reads hosts is the same in all flows
			continue
		}
		v := surfer(lt.World)
		named := func(what string, a stage.Answer, status int) {
			text := headerText(a.Header) + a.Body
			widened := strings.Contains(strings.ToLower(a.Header.Get("Set-Cookie")), "domain")
			class.expect(a.Status == status && !strings.Contains(text, evilHost) && !widened,
				"%s, %s with %+v: answered %s", lt.flow, what, f, short(a))
		}
		begun := lt.forged(v, f, http.MethodGet, "/auth/login?return_to=/page", "")
		named("login", begun, http.StatusFound)
		consent, err := url.Parse(begun.Header.Get("Location"))
		atSpotify := err == nil && strings.HasPrefix(consent.String(), lt.Accounts.URL+"/authorize?")
		class.expect(atSpotify && consent.Query().Get("redirect_uri") == public+"/auth/callback",
			"%s, login with %+v leads to %s", lt.flow, f, consent)

		back := consented(v, "ada")
		if lt.implicit() {
			named("fragment", lt.forged(v, f, http.MethodPost, "/auth/fragment", back.Encode(), f.from(public)...),
				f.status(http.StatusOK))
		} else {
			arrived := lt.forged(v, f, http.MethodGet, "/auth/callback?"+back.Encode(), "")
			named("callback", arrived, http.StatusSeeOther)
			class.expect(arrived.Header.Get("Location") == "/page",
				"%s, callback with %+v leads to %q", lt.flow, f, arrived.Header.Get("Location"))
		}
		named("a refused callback", lt.forged(v, f, http.MethodGet, "/auth/callback?code=x&state=x", ""), http.StatusBadRequest)
		named("a session's state", lt.forged(v, f, http.MethodGet, "/auth/session", ""), f.status(http.StatusOK))
		named("links of the Web API", lt.forged(v, f, http.MethodGet, "/api/me", ""), f.status(http.StatusOK))
		navigation := []string{"Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate"}
		named("a page that wants a login", lt.forged(surfer(lt.World), f, http.MethodGet, "/api/me", "", navigation...),
			f.status(http.StatusFound))
		named("logout", lt.forged(v, f, http.MethodPost, "/auth/logout", "", f.from(public)...), f.status(http.StatusNoContent))
	}
	// Only another name of this machine is led home, and only to the public address.
	for _, host := range []string{"localhost", "localhost:1", "LOCALHOST:99", "evil.localhost", "[::1]:80", "127.0.0.2"} {
		v := surfer(lt.World)
		a := lt.forged(v, forgery{host: host}, http.MethodGet, "/auth/login?return_to=//evil.example", "")
		class.expect(a.Status == http.StatusFound && a.Header.Get("Location") == public+"/auth/login?return_to=//evil.example" &&
			len(a.Header["Set-Cookie"]) == 0, "%s, login at %s leads to %d %v", lt.flow, host, a.Status, a.Header)
	}
}

// from is the Origin of our own page, unless the forgery has one.
func (f forgery) from(public string) []string {
	if f.foreign() {
		return nil
	}
	return []string{"Origin", public}
}

// status is what is answered where the session has a say, which no other site's page gets.
func (f forgery) status(own int) int {
	if f.foreign() {
		return http.StatusForbidden
	}
	return own
}

func (f forgery) foreign() bool { return len(f.headers) > 0 && f.headers[0] == "Origin" }

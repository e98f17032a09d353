package attack

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"stagedoor/e2e/stage"
	"stagedoor/flows"
)

// doubledParameters says things twice, so that two readers could read two things. None of it may use the login up.
func doubledParameters(lt *loginTrial, class *attacks) {
	v := surfer(lt.World)
	back := consented(v, "ada")
	before := standingOf(lt.World)
	for _, query := range lt.doubled(back) {
		a := lt.arriveRaw(v, query)
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, ?%s: answered %s", lt.flow, query, short(a))
	}
	if a := lt.arrive(v, back); !hasArrived(a) || lt.userOf(v) != "ada" {
		lt.T.Errorf("%s: after the doubled ones the true callback answered %s", lt.flow, short(a))
	}

	back = consented(v, "ada")
	before = standingOf(lt.World)
	for _, unreadable := range []string{"&x;y", "&%zz=1", ";", "&%",
		"&state=%%"} { // sent past the balancer, which would leave them out
		query := back.Encode() + unreadable
		a := lt.forged(v, forgery{}, http.MethodGet, "/auth/callback?"+query, "")
		if lt.implicit() {
			a = lt.arriveRaw(v, query)
		}
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, ?%s: answered %s", lt.flow, query, short(a))
	}
	for _, query := range []string{
		"return_to=/a&return_to=/b", "return_to=/a&return_to=/a", "return_to=/a&%72eturn_to=//evil.example",
		"scope=streaming&scope=", "scope=&scope=streaming", "scope=streaming&sc%6fpe=user-read-email",
		"show_dialog=true&show_dialog=false",
	} {
		a := v.Get("/auth/login?" + query)
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, login?%s: answered %s", lt.flow, query, short(a))
	}

	for _, mixed := range []url.Values{
		{"error": {"access_denied"}}, {"error": {"server_error"}}, {"error": {"x"}, "error_description": {"y"}},
	} { // a code beside an error: the error counts, and the login is over
		back := consented(v, "chloe")
		for name, values := range mixed {
			back[name] = values
		}
		before, sessions := standingOf(lt.World), len(lt.SessionKeys())
		a := lt.arrive(v, back)
		refused := a.Status >= 400 && a.Reason() != "" && len(a.Header["Set-Cookie"]) == 0
		class.expect(refused && lt.userOf(v) == "ada" && standingOf(lt.World).tokenCalls == before.tokenCalls &&
			len(lt.SessionKeys()) == sessions,
			"%s, %v and a code: answered %s", lt.flow, mixed, short(a))
	}
}

// doubled returns the queries that say something of a good one twice.
func (lt *loginTrial) doubled(back url.Values) []string {
	good := back.Encode()
	read := []string{"code", "state", "error", "iss"}
	if lt.implicit() {
		read = []string{"access_token", "token_type", "expires_in", "scope", "state", "error"}
	}
	var queries []string
	for _, name := range read {
		spelled := "%" + strings.ToUpper(hexOf(name[0])) + name[1:]
		value := url.QueryEscape(back.Get(name))
		twice := []string{name + "=" + value + "&" + name + "=" + stage.AState}
		if back.Has(name) {
			twice = []string{name + "=" + value, name + "=" + stage.AState, name + "=", name, spelled + "=" + value,
				spelled + "=" + stage.AState}
		}
		for _, more := range twice {
			queries = append(queries, good+"&"+more, more+"&"+good)
		}
	}
	return append(queries, good+";state="+stage.AState)
}

func hexOf(c byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[c>>4], digits[c&15]})
}

// anotherIssuer brings a good answer in the name of another authorization server (RFC 9207).
func anotherIssuer(lt *loginTrial, class *attacks) {
	v := surfer(lt.World)
	back := consented(v, "ada")
	before := standingOf(lt.World)
	own := lt.Accounts.URL
	host := strings.TrimPrefix(own, "http://")
	for _, issuer := range []string{
		"", "evil", "https://evil.example", "https://accounts.spotify.com.evil.example", "https://accounts.spotify.com",
		"https://" + host, "http://" + host + ".evil.example", own + "0", "//" + host, host, "http:" + host, "http:/" + host,
		"http://evil.example/" + own, "http://evil.example#" + own, "http://" + host + "@evil.example",
		"http://evil.example\\@" + host, own + "\x00", own + "\n", " " + own, "javascript:" + own, "http://[::1]",
		"http://127.0.0.1",
		"http://localhost" + host[strings.Index(host, ":"):], "ftp://" + host, "null", "%" + own, strings.Repeat("x", 10_000),
	} {
		a := lt.arriveRaw(v, back.Encode()+"&iss="+url.QueryEscape(issuer))
		class.expect(hasRefused(a) && standingOf(lt.World) == before, "%s, %.60q: answered %s", lt.flow, issuer, short(a))
	}
	back.Set("iss", own)
	if a := lt.arrive(v, back); !hasArrived(a) {
		lt.T.Errorf("%s: the true issuer's callback answered %s", lt.flow, short(a))
	}
}

// callbackByOthers brings a good answer in ways in which no browser comes back from the consent page, or by the hand of
// another site.
func callbackByOthers(lt *loginTrial, class *attacks) {
	v := surfer(lt.World)
	good := consented(v, "ada").Encode()
	public := lt.Balancer.URL
	form := []string{"Content-Type", stage.FormType}
	foreign := [][]string{
		{"Origin", "https://evil.example"}, {"Origin", "null"}, {"Origin", public + ".evil.example"}, {"Origin", ""},
		{"Origin", strings.Replace(public, "127.0.0.1", "localhost", 1)}, {"Origin", "https://" + strings.TrimPrefix(public,
			"http://")},
	}
	before := standingOf(lt.World)
	try := func(method, path, body string, headers ...string) {
		a := v.Do(method, path, body, headers...)
		refused := a.Status == http.StatusMethodNotAllowed || a.Status == http.StatusForbidden ||
			a.Status == http.StatusNotFound ||
			lt.implicit() && hasRefused(a)
		class.expect(refused && len(a.Header["Set-Cookie"]) == 0 && standingOf(lt.World) == before,
			"%s, %s %.30s %q: answered %s", lt.flow, method, path, headers, short(a))
	}
	methods := []string{
		http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodHead, http.MethodOptions,
		http.MethodTrace,
		"get", "QUERY",
	}
	for _, method := range methods {
		try(method, "/auth/callback?"+good, "", form...)
		try(method, "/auth/callback", good, form...)
	}
	for _, override := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		try(http.MethodPost, "/auth/callback?"+good, "_method=GET", append([]string{override, "GET"}, form...)...)
	}
	for _, origin := range foreign {
		try(http.MethodPost, "/auth/callback?"+good, good, append(slices.Clone(origin), form...)...)
		try(http.MethodPost, "/auth/fragment", good, append(slices.Clone(origin), form...)...)
	}
	for _, method := range slices.DeleteFunc(methods, func(m string) bool { return m == http.MethodPost }) {
		try(method, "/auth/fragment?"+good, "", form...)
		try(method, "/auth/fragment", good, form...)
	}
	if a := lt.arriveRaw(v, good); !hasArrived(a) || lt.userOf(v) != "ada" {
		lt.T.Errorf("%s: after that the true callback answered %s", lt.flow, short(a))
	}
}

// payload marks whatever of an error answer is repeated.
const payload = "mark7731"

// markupInErrors lets the consent page's error say what a browser would carry out, or a person believe.
func markupInErrors(lt *loginTrial, class *attacks) {
	if lt.flow == flows.FlowPKCE { // its errors come the same way
		return
	}
	v := lt.loggedIn("ada")
	for _, text := range []string{
		"<script>" + payload + "</script>", "\"><img src=x onerror=" + payload + ">",
		"access_denied<svg onload=" + payload + ">",
		"{{" + payload + "}}", "javascript:" + payload, "\r\nSet-Cookie: stagedoor=" + payload,
		"</title><a href=//evil.example>" + payload,
		"&lt;script&gt;" + payload, "\x00" + payload, "\u202e" + payload, "%s%!d(" + payload, payload + strings.Repeat("x",
			5000),
		"Your password is wrong, call " + payload,
	} {
		for name, answered := range map[string]url.Values{
			"error":             {"error": {text}},
			"error_description": {"error": {"invalid_scope"}, "error_description": {text}},
			"error_uri":         {"error": {"access_denied"}, "error_uri": {text}},
			"state":             {"error": {"access_denied"}, "state": {text}},
			"iss":               {"error": {"access_denied"}, "iss": {text}},
		} {
			if !answered.Has("state") {
				answered.Set("state", consented(v, "chloe").Get("state"))
			}
			a := lt.arrive(v, answered)
			quiet := !strings.Contains(a.Body, payload) && !strings.Contains(headerText(a.Header), payload)
			harmless := isStrictPage(a) || lt.implicit() && a.Header.Get("Content-Type") == "application/json"
			class.expect(hasRefused(a) && quiet && harmless,
				"%s, %s %.40q: answered %v %s", lt.flow, name, text, a.Header, short(a))
		}
	}
	class.expect(lt.userOf(v) == "ada", "%s: the errors have ended the session", lt.flow)
	for _, text := range []string{"<script>" + payload, "\"onload=" + payload} {
		a := v.Get("/auth/login?scope="+url.QueryEscape(text), "Sec-Fetch-Dest", "document")
		class.expect(hasRefused(a) && isStrictPage(a) && !strings.Contains(a.Body,
			"<script") && !strings.Contains(a.Body, `"onload`),
			"%s, the scope %q: answered %s", lt.flow, text, short(a))
	}
}

// isStrictPage tells whether an answer is a page on which no script runs and that no other page frames.
func isStrictPage(a stage.Answer) bool {
	policy := a.Header.Get("Content-Security-Policy")
	return a.Header.Get("Content-Type") == "text/html; charset=utf-8" && a.Header.Get("X-Content-Type-Options") == "nosniff" &&
		strings.HasPrefix(policy, "default-src 'none'") && strings.Contains(policy, "frame-ancestors 'none'") &&
		!strings.Contains(policy, "script-src") && !strings.Contains(policy, "unsafe")
}

func headerText(h http.Header) string {
	var text strings.Builder
	_ = h.Write(&text) // a strings.Builder takes every write
	return text.String()
}

package flows

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"stagedoor/internal/httperror"
)

// browser is a client with a cookie jar that follows no redirect, so that a test sees every step. Each of its answers is
// checked for what all answers below /auth/ have in common.
type browser struct {
	t      *testing.T
	g      *gateway
	client *http.Client
}

func (g *gateway) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		g.t.Fatal(err)
	}
	return &browser{t: g.t, g: g, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is an answer with its body read.
type answer struct {
	*http.Response
	body string
}

// Headers are given as name, value, name, value.
func (b *browser) do(method, path string, header ...string) answer {
	b.t.Helper()
	request, err := http.NewRequest(method, b.g.URL+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := b.client.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close() // it is read
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range response.Cookies() {
		b.g.hide(cookie.Value)
	}
	a := answer{response, string(body)}
	b.checkCommon(method+" "+path, a)
	return a
}

func (b *browser) checkCommon(what string, a answer) {
	b.t.Helper()
	isPage := strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") && a.Header.Get("Location") == ""
	csp := a.Header.Get("Content-Security-Policy")
	isStrict := strings.Contains(csp, "default-src 'none'") && strings.Contains(csp, "frame-ancestors 'none'")
	if isPage && !isStrict {
		b.t.Errorf("%s: the page's Content-Security-Policy is %q", what, csp)
	}
	header := a.Header.Clone()
	header.Del("Set-Cookie")
	for _, hidden := range b.g.spotify.secrets() {
		for name, values := range header {
			if strings.Contains(strings.Join(values, " "), hidden) {
				b.t.Errorf("%s: the header %s holds a token", what, name)
			}
		}
		if strings.Contains(a.body, hidden) {
			b.t.Errorf("%s: the body holds a token: %s", what, a.body)
		}
	}
	if strings.Contains(a.body, "the-client-secret") {
		b.t.Errorf("%s: the body holds the client's secret", what)
	}
}

// expect checks the status and the reason ("" for none) of an answer.
func (b *browser) expect(a answer, status int, reason string) {
	b.t.Helper()
	if a.StatusCode != status || a.Header.Get(httperror.ReasonHeader) != reason {
		b.t.Fatalf("%s %s answered %d %s, want %d %s:\n%s", a.Request.Method, a.Request.URL.Path,
			a.StatusCode, a.Header.Get(httperror.ReasonHeader), status, reason, a.body)
	}
}

// begin opens the login and returns what the consent page was asked.
func (b *browser) begin(query string) url.Values {
	b.t.Helper()
	a := b.do(http.MethodGet, "/auth/login"+query, "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	b.expect(a, http.StatusFound, "")
	consent, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	if got := consent.Scheme + "://" + consent.Host + consent.Path; got != "https://accounts.example/authorize" {
		b.t.Fatalf("the consent page is %s", got)
	}
	b.g.hide(consent.Query().Get("state"))
	return consent.Query()
}

// callback comes back from the consent page with a query.
func (b *browser) callback(query url.Values) answer {
	b.t.Helper()
	b.g.hide(query["code"]...)
	a := b.do(http.MethodGet, "/auth/callback?"+query.Encode(), "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	tokenCalls, _ := b.g.spotify.received()
	for _, call := range tokenCalls {
		b.g.hide(call.Get("code_verifier"))
	}
	return a
}

// consented is what the consent page sends back for a state.
func consented(state string) url.Values {
	return url.Values{"code": {"the-code-of-" + state}, "state": {state}}
}

// login logs in and returns where it led to.
func (b *browser) login(query string) (location string) {
	b.t.Helper()
	a := b.callback(consented(b.begin(query).Get("state")))
	b.expect(a, http.StatusSeeOther, "")
	return a.Header.Get("Location")
}

// cookie returns the value of a cookie that the browser would send, "" for none.
func (b *browser) cookie(name string) string {
	address, err := url.Parse(b.g.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(address) {
		if cookie.Name == name {
			return cookie.Value
		}
	}
	return ""
}

// loggedIn tells what /auth/session says.
func (b *browser) loggedIn() bool {
	b.t.Helper()
	a := b.do(http.MethodGet, "/auth/session")
	b.expect(a, http.StatusOK, "")
	return strings.Contains(a.body, `"authenticated":true`)
}

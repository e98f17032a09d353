package flows

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

// Whatever ends a login without a session, the way on leads to where that login was to lead.
func TestWayOnKeepsReturnTo(t *testing.T) {
	for name, query := range map[string]url.Values{
		"cancelled":    {"error": {"access_denied"}},
		"server error": {"error": {"server_error"}},
		"other error":  {"error": {"invalid_scope"}},
		"no code":      {},
		"a bad code":   {"code": {"the-code-of-no-server\x00"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example"} })
			b := g.browser()
			for returnTo, want := range map[string]string{
				"/a?b=c#d": `href="/auth/login?return_to=%2Fa%3Fb%3Dc%23d"`, "https://app.example/x": `href="/auth/login?return_to=https%3A%2F%2Fapp.example%2Fx"`,
				"/": `href="/auth/login"`, "//evil.example": `href="/auth/login"`, `/"><script>`: `href="/auth/login?return_to=%2F%22%3E%3Cscript%3E"`,
			} {
				query.Set("state", b.begin("?return_to="+url.QueryEscape(returnTo)).Get("state"))
				a := b.callback(query)
				if a.StatusCode < 400 || !strings.Contains(a.body, want) {
					t.Errorf("%q: %d without %s: %s", returnTo, a.StatusCode, want, a.body)
				}
				start := `<a href="/">Back`
				if strings.HasPrefix(returnTo, "https:") {
					start = `<a href="https://app.example/">Back`
				}
				if !strings.Contains(a.body, start) {
					t.Errorf("%q: the page does not lead to the start of that app: %s", returnTo, a.body)
				}
			}
		})
	}
}

func TestReturnToOrigins(t *testing.T) {
	origins := []string{"https://music.example", "https://app.example", "http://127.0.0.1:5173"}
	for raw, want := range map[string]string{
		"https://music.example":                                     "/",
		"https://music.example/":                                    "/",
		"https://music.example/a?b=c#d":                             "/a?b=c#d",
		"https://music.example?a":                                   "/?a",
		"HTTPS://Music.Example/a":                                   "/a",
		"https://app.example":                                       "https://app.example/",
		"https://app.example/a?b=c#d":                               "https://app.example/a?b=c#d",
		"https://app.example#d":                                     "https://app.example/#d",
		"http://127.0.0.1:5173/a b":                                 "http://127.0.0.1:5173/a%20b",
		"https://app.example/Sigur R\u00f3s":                        "https://app.example/Sigur%20R%C3%B3s",
		"/a":                                                        "/a",
		"":                                                          "/",
		"https://music.example//evil.example":                       "/",
		"https://music.example/\\evil.example":                      "/",
		"https://music.example\\@evil.example":                      "/",
		"https://music.example@evil.example":                        "/",
		"https://music.example:@evil.example":                       "/",
		"https://music.example.evil.example":                        "/",
		"https://music.example:8443/":                               "/",
		"https://music.example%2f@evil.example":                     "/",
		"https://music.example\t/a":                                 "/",
		"https://music.example/a\r\nSet-Cookie: a":                  "/",
		"https://music.example/auth/login":                          "/",
		"https://music.example/auth/callback?code":                  "/",
		"http://music.example/":                                     "/",
		"https:music.example/":                                      "/",
		"//music.example/":                                          "/",
		"https:///music.example/":                                   "/",
		" https://music.example/":                                   "/",
		"https://evil.example/https://app.example/":                 "/",
		"https://app.example.":                                      "/",
		"https://app.exampl\u00e9/":                                 "/",
		"https://other.example/":                                    "/",
		"http://127.0.0.1:51730/":                                   "/",
		"http://127.0.0.1:5173":                                     "http://127.0.0.1:5173/",
		"http://127.0.0.1/":                                         "/",
		"javascript://app.example/%0aalert(1)":                      "/",
		"https://app.example/" + strings.Repeat("a", maxReturnTo):   "/",
		"https://app.example/" + strings.Repeat("\u00e4", 300):      "/", // three times as long once it is escaped
		"https://app.example/" + strings.Repeat("a", maxReturnTo-1): "https://app.example/" + strings.Repeat("a", maxReturnTo-1),
	} {
		if got := returnTo(raw, origins); got != want {
			t.Errorf("returnTo(%.80q) = %.80q, want %.80q", raw, got, want)
		}
		if got := returnTo(raw, origins[:1]); !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Errorf("with no other origin, returnTo(%.80q) = %.80q", raw, got)
		}
	}
}

// The hostile values are no better behind a listed origin, or before one.
func TestReturnToOfTheCorpus(t *testing.T) {
	origins := []string{"https://music.example", "https://app.example"}
	for _, values := range readReturnPaths(t) {
		for _, raw := range values {
			for _, value := range []string{raw, origins[0] + raw, origins[1] + raw, raw + origins[1], "https:" + raw, origins[1] + "/" + raw} {
				got := returnTo(value, origins)
				u, err := url.Parse(got)
				if err != nil || u.User != nil || u.Host != "" && got != origins[1] && !strings.HasPrefix(got, origins[1]+"/") {
					t.Errorf("returnTo(%q) = %q", value, got)
				}
				where, _ := resolve(origins[0], got)
				if where != origins[0] && where != origins[1] {
					t.Errorf("returnTo(%q) = %q, which a browser takes for %q", value, got, where)
				}
			}
		}
	}
}

func TestLoginLeadsToAListedOrigin(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example"} })
	b := g.browser()
	for returnTo, want := range map[string]string{
		"https://app.example/a#b": "https://app.example/a#b", g.URL + "/a": "/a", "https://evil.example/": "/",
	} {
		if got := b.login("?return_to=" + url.QueryEscape(returnTo)); got != want {
			t.Errorf("%q leads to %q, want %q", returnTo, got, want)
		}
	}
}

// A login state is worthless where the client id, the flow or the public URL is another one, and not used up there.
func TestLoginStateBelongsToItsConfiguration(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	query := consented(b.begin("").Get("state"))
	for name, change := range map[string]func(*Options){
		"client id":  func(o *Options) { o.Config.ClientID = "client-2" },
		"flow":       func(o *Options) { o.Config.Flow = FlowPKCE },
		"public URL": func(o *Options) { o.PublicURL = "https://music.example" },
	} {
		o := g.options
		change(&o)
		o.Tokens = NewTokenClient(o.Config, o.PublicURL, o.Now)
		other, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		r, w := httptest.NewRequest(http.MethodGet, "/auth/callback?"+query.Encode(), nil), httptest.NewRecorder()
		home, err := url.Parse(g.URL)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.client.Jar.Cookies(home) {
			r.AddCookie(c)
		}
		answering(other).ServeHTTP(w, r)
		if w.Code != http.StatusBadRequest || w.Header().Get(httperror.ReasonHeader) != httperror.InvalidRequest {
			t.Errorf("with another %s: %d", name, w.Code)
		}
	}
	b.expect(b.callback(query), http.StatusSeeOther, "")
}

// What no server could have made is rejected before anything is used up.
func TestCallbackRejectsImpossibleCodes(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	query := consented(b.begin("").Get("state"))
	good := query.Get("code")
	for _, code := range []string{
		"", "x", "abc", strings.Repeat("a", longestCode+1), "the-code\x00", "the-code\n", "the-c\u00f6de", "the-code\x7f", "\t\t\t\t\t\t", "the-code\xff",
	} {
		query.Set("code", code)
		a := b.callback(query)
		b.expect(a, http.StatusBadRequest, httperror.InvalidRequest)
		b.expectNothing(a, 0)
	}
	if marks, _ := g.store.writes(); marks != 0 {
		t.Errorf("%d states were used up", marks)
	}
	query.Set("code", good)
	b.expect(b.callback(query), http.StatusSeeOther, "")
}

// The link's page says what is about to happen; its button alone uses the link up.
func TestConnectPage(t *testing.T) {
	g := newGateway(t, nil)
	link, err := ConnectLink(t.Context(), g.sessions.Operator(), "", "radio", []string{"streaming"})
	if err != nil {
		t.Fatal(err)
	}
	b := g.browser()
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
		a := b.do(method, link)
		b.expect(a, http.StatusOK, "")
		if len(a.Cookies()) != 0 {
			t.Errorf("%s sets the cookies %v", method, a.Cookies())
		}
		csp := a.Header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "form-action 'self' https://accounts.example;") {
			t.Errorf("the policy is %q", csp)
		}
		_, ticket, _ := strings.Cut(link, "ticket=")
		isPage := strings.Contains(a.body, `<form method="post"><button type="submit">`) && strings.Contains(a.body, "“radio”")
		if isPage != (method == http.MethodGet) || strings.Contains(a.body, ticket) {
			t.Errorf("%s: the page is %s", method, a.body)
		}
	}
	b.expect(b.do(http.MethodPost, link, "Sec-Fetch-Mode", "cors"), http.StatusBadRequest, httperror.InvalidRequest)
	a := b.do(http.MethodPost, link, "Sec-Fetch-Mode", "navigate")
	b.expect(a, http.StatusSeeOther, "")
	consent, err := url.Parse(a.Header.Get("Location"))
	if err != nil || consent.Host != "accounts.example" || consent.Query().Get("scope") != "streaming" || consent.Query().Get("show_dialog") != "true" {
		t.Errorf("the button leads to %v, %v", consent, err)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		b.expect(b.do(method, link), http.StatusBadRequest, httperror.InvalidRequest)
	}
	a = b.callback(consented(consent.Query().Get("state")))
	b.expect(a, http.StatusOK, "")
	if account, err := g.sessions.Account(t.Context(), "radio"); err != nil || account.User() != (session.User{
		ID: "listener", AccountID: "acc-1", DisplayName: account.User().DisplayName, Image: account.User().Image,
	}) {
		t.Errorf("the account is %v, %v", account, err)
	}
}

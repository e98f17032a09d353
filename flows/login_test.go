package flows

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"stagedoor/internal/httperror"
)

// The whole way of each flow, with what the consent page and the token endpoint are sent.
func TestLogin(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Options)
		pkce   bool
	}{
		"authorization code":               {nil, true},
		"authorization code, secret alone": {func(o *Options) { o.Config.PKCEWithSecret = false }, false},
		"PKCE":                             {func(o *Options) { o.Config.Flow = FlowPKCE }, true},
		"PKCE, whatever goes with secrets": {
			func(o *Options) { o.Config.Flow, o.Config.PKCEWithSecret = FlowPKCE, false },
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, test.change)
			b := g.browser()
			asked := b.begin("?return_to=/playlists%3Fa=b")
			for parameter, want := range map[string]string{
				"client_id": "client-1", "response_type": "code", "redirect_uri": g.URL + "/auth/callback",
				"scope": "user-read-private user-read-email", "show_dialog": "",
			} {
				if got := asked.Get(parameter); got != want {
					t.Errorf("the consent page is asked with %s=%q, want %q", parameter, got, want)
				}
			}
			a := b.callback(consented(asked.Get("state")))
			b.expect(a, http.StatusSeeOther, "")
			if got := a.Header.Get("Location"); got != "/playlists?a=b" {
				t.Errorf("the login leads to %q", got)
			}
			calls, profiles := g.spotify.received()
			if len(calls) != 1 || profiles != 1 {
				t.Fatalf("there were %d token calls and %d of /me, want one each", len(calls), profiles)
			}
			verifier := calls[0].Get("code_verifier")
			challenge := ""
			if test.pkce {
				sum := sha256.Sum256([]byte(verifier))
				challenge = base64.RawURLEncoding.EncodeToString(sum[:])
			}
			isS256, isLong := asked.Get("code_challenge_method") == "S256", len(verifier) >= 43
			if asked.Get("code_challenge") != challenge || isS256 != test.pkce || isLong != test.pkce {
				t.Errorf("challenge %q by %q and a verifier of %d characters do not belong together",
					asked.Get("code_challenge"), asked.Get("code_challenge_method"), len(verifier))
			}
			if !b.loggedIn() {
				t.Error("nobody is logged in")
			}
			if got := g.audits(); len(got) != 1 || got[0] != "login ok" {
				t.Errorf("the audit lines are %q", got)
			}
		})
	}
}

func TestLoginReturnTo(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	for query, want := range map[string]string{
		"":                                       "/",
		"?return_to=":                            "/",
		"?return_to=%2Fa%3Fb%3Dc%23d":            "/a?b=c#d",
		"?return_to=https%3A%2F%2Fevil.example":  "/",
		"?return_to=%2F%2Fevil.example":          "/",
		"?return_to=%2F%5Cevil.example":          "/",
		"?return_to=%2F%09%2Fevil.example":       "/",
		"?return_to=%2Fauth%2Flogin":             "/",
		"?return_to=%2Fa%0D%0ASet-Cookie%3A+a=b": "/",
		"?return_to=%2FSigur+R%C3%B3s":           "/Sigur%20R%C3%B3s",
	} {
		if got := b.login(query); got != want {
			t.Errorf("a login with %q leads to %q, want %q", query, got, want)
		}
	}
}

func TestLoginShowDialog(t *testing.T) {
	b := newGateway(t, nil).browser()
	for query, want := range map[string]string{
		"?show_dialog=true": "true", "?show_dialog=false": "", "?show_dialog=1": "", "?show_dialog=": "",
	} {
		if got := b.begin(query).Get("show_dialog"); got != want {
			t.Errorf("with %q the consent page is asked with show_dialog=%q, want %q", query, got, want)
		}
	}
}

// A step-up asks for what is configured, what the user has granted, and what is new.
func TestLoginScopes(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	got := b.begin("?scope=streaming+user-read-email++streaming").Get("scope")
	if want := "user-read-private user-read-email streaming"; got != want {
		t.Errorf("before a login the scopes are %q, want %q", got, want)
	}
	g.spotify.answerToken(g.spotify.issue("user-read-private user-top-read streaming"))
	b.login("?scope=user-top-read+streaming")
	if got, want := b.begin("?scope=user-follow-read").Get("scope"),
		"user-read-private user-read-email user-top-read streaming user-follow-read"; got != want {
		t.Errorf("a step-up asks for %q, want %q", got, want)
	}
	if got, want := g.browser().begin("").Get("scope"), "user-read-private user-read-email"; got != want {
		t.Errorf("another browser is asked for %q, want %q", got, want)
	}
}

// What is no login makes no state and sets no cookie.
func TestLoginRefused(t *testing.T) {
	navigation := []string{"Sec-Fetch-Mode", "navigate"}
	for name, test := range map[string]struct {
		method, query string
		header        []string
		status        int
		reason        string
	}{
		"fetch": {
			"GET",
			"", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, 400, httperror.InvalidRequest,
		},
		"fetch same-origin": {
			"GET",
			"", []string{"Sec-Fetch-Mode", "same-origin"}, 400, httperror.InvalidRequest,
		},
		"an image": {
			"GET",
			"", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 400, httperror.InvalidRequest,
		},
		"a WebSocket":           {"GET", "", []string{"Sec-Fetch-Mode", "websocket"}, 400, httperror.InvalidRequest},
		"a mode that is none":   {"GET", "", []string{"Sec-Fetch-Mode", "Navigate"}, 400, httperror.InvalidRequest},
		"POST":                  {"POST", "", navigation, 405, httperror.MethodRefused},
		"HEAD":                  {"HEAD", "", navigation, 405, httperror.MethodRefused},
		"unknown scope":         {"GET", "?scope=user-read-all", navigation, 400, httperror.InvalidRequest},
		"one of several scopes": {"GET", "?scope=streaming+nonsense", navigation, 400, httperror.InvalidRequest},
		"scopes by commas":      {"GET", "?scope=streaming,user-top-read", navigation, 400, httperror.InvalidRequest},
		"scopes by a newline": {
			"GET",
			"?scope=streaming%0Auser-top-read", navigation, 400, httperror.InvalidRequest,
		},
		"return_to twice": {"GET", "?return_to=/a&return_to=/b", navigation, 400, httperror.InvalidRequest},
		"scope twice": {
			"GET",
			"?scope=streaming&scope=streaming", navigation, 400, httperror.InvalidRequest,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t, nil)
			b := g.browser()
			a := b.do(test.method, "/auth/login"+test.query, test.header...)
			b.expect(a, test.status, test.reason)
			marks, _ := g.store.writes()
			if marks != 0 || len(a.Cookies()) != 0 || a.Header.Get("Location") != "" {
				t.Errorf("%d marks, cookies %v, Location %q; want none", marks, a.Cookies(), a.Header.Get("Location"))
			}
			if test.method == http.MethodPost && a.Header.Get("Allow") != "GET" {
				t.Errorf("Allow is %q", a.Header.Get("Allow"))
			}
		})
	}
}

// Programs without Fetch Metadata may navigate too.
func TestLoginWithoutFetchMetadata(t *testing.T) {
	b := newGateway(t, nil).browser()
	b.expect(b.do(http.MethodGet, "/auth/login"), http.StatusFound, "")
}

// A login of somebody without a session needs no store. One that adds to the scopes of a session must know them.
func TestLoginWhileTheStoreIsDown(t *testing.T) {
	g := newGateway(t, nil)
	g.store.fail(everything)
	g.browser().begin("")
	b := g.browser()
	b.plant("stagedoor", strings.Repeat("A", 43))
	a := b.do(http.MethodGet, "/auth/login", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	b.expect(a, http.StatusServiceUnavailable, httperror.StoreUnavailable)
	if a.Header.Get("Retry-After") == "" || len(a.Cookies()) != 0 || a.Header.Get("Location") != "" {
		t.Errorf("Retry-After %q, cookies %v, Location %q", a.Header.Get("Retry-After"), a.Cookies(), a.Header.Get("Location"))
	}
}

// Cookies of "localhost" never reach a callback on 127.0.0.1. No other Host means anything.
func TestLoginByAnotherName(t *testing.T) {
	g := newGateway(t, nil)
	address, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	for host, strayed := range map[string]bool{
		"localhost:" + address.Port():     true,
		"localhost":                       true,
		"LOCALHOST:1":                     true,
		"app.localhost:" + address.Port(): true,
		"[::1]:" + address.Port():         true,
		"127.0.0.2":                       true,
		address.Host:                      false,
		"127.0.0.1":                       false,
		"127.0.0.1:1":                     false, // cookies know no ports
		"evil.example":                    false,
		"localhost.evil.example":          false,
		"127.0.0.1.evil.example":          false,
		"evil.example:" + address.Port():  false,
		"192.168.0.1":                     false,
	} {
		a := g.browser().do(http.MethodGet, "/auth/login?return_to=%2Fa&scope=streaming",
			"Host", host, "Sec-Fetch-Mode", "navigate")
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil || a.StatusCode != http.StatusFound {
			t.Fatalf("Host %s: %d to %q", host, a.StatusCode, a.Header.Get("Location"))
		}
		if !strayed {
			got := to.Query().Get("redirect_uri")
			if len(a.Cookies()) != 1 || got != g.URL+"/auth/callback" || to.Host != "accounts.example" {
				t.Errorf("Host %s: %d cookies, sent to %s for %q", host, len(a.Cookies()), to.Host, got)
			}
			continue
		}
		if want := g.URL + "/auth/login?return_to=%2Fa&scope=streaming"; to.String() != want {
			t.Errorf("Host %s is sent to %q, want %q", host, to, want)
		}
		if len(a.Cookies()) != 0 {
			t.Errorf("Host %s: cookies %v, want none yet", host, a.Cookies())
		}
	}
}

// Where the public URL is no loopback address, "localhost" is a foreign name like any other.
func TestLoginByAnotherNameOfAPublicGateway(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.PublicURL = "https://music.example" })
	a := g.browser().do(http.MethodGet, "/auth/login", "Host", "localhost:8080", "Sec-Fetch-Mode", "navigate")
	to, err := url.Parse(a.Header.Get("Location"))
	if err != nil || to.Host != "accounts.example" || to.Query().Get("redirect_uri") != "https://music.example/auth/callback" {
		t.Errorf("sent to %v (%v)", to, err)
	}
}

// Each login has a new session id, adopts none from the client, and ends the session before it.
func TestLoginChangesTheSession(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	b.login("")
	first := b.cookie("stagedoor")
	b.login("")
	second := b.cookie("stagedoor")
	if first == second || len(first) != 43 || len(second) != 43 {
		t.Fatalf("the session ids are %q and %q", first, second)
	}
	planted := strings.Repeat("A", 43)
	for _, dead := range []string{first, planted} {
		other := g.browser()
		other.plant("stagedoor", dead)
		if other.loggedIn() {
			t.Errorf("the session %q lives", dead)
		}
	}
	fixed := g.browser()
	fixed.plant("stagedoor", planted)
	fixed.login("")
	if got := fixed.cookie("stagedoor"); got == planted || !fixed.loggedIn() {
		t.Errorf("the planted id was adopted, or nobody is logged in: %q", got)
	}
	if !b.loggedIn() {
		t.Error("the last session is dead")
	}
}

// plant gives the browser a cookie that the gateway did not set.
func (b *browser) plant(name, value string) {
	b.t.Helper()
	address, err := url.Parse(b.g.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.client.Jar.SetCookies(address, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// A return_to that cannot even be read is one more that becomes "/".
func TestLoginWithAnUnreadableQuery(t *testing.T) {
	for _, query := range []string{"?return_to=%zz", "?return_to=/a;scope=streaming"} {
		g := newGateway(t, nil)
		b := g.browser()
		state := b.begin(query).Get("state")
		a := b.callback(consented(state))
		if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != "/" {
			t.Errorf("%s: %d to %q, want 303 to /", query, a.StatusCode, got)
		}
	}
}

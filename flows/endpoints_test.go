package flows

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"stagedoor/internal/httperror"
	"stagedoor/proxy"
)

// wanted says of every endpoint whether the cross-origin rule guards its GET.
var wanted = map[string]bool{
	"/auth/session":   true,
	"/auth/sessions":  true,
	"/auth/sessions/": true,                                                   // DELETE only: also its refusal of another method
	"/auth/login":     false, "/auth/callback": false, "/auth/connect": false, // any site may lead here
	"/auth/verify":    false,                             // another proxy asks, with its own headers
	"/auth/client.js": false, "/auth/client.d.ts": false, // the same for everybody
	"/auth/logout": false, "/auth/token": false, "/auth/fragment": false, // no GET
}

// Every endpoint stands behind the cross-origin rule of package proxy as it declares, and all answers have the headers of
// /auth/.
func TestCrossOriginRuleAtEveryEndpoint(t *testing.T) {
	g := newGateway(t, func(o *Options) { o.Config.Flow, o.BrowserTokens = FlowImplicit, true })
	handler, err := New(g.options)
	if err != nil {
		t.Fatal(err)
	}
	server := proxy.DefaultServerConfig()
	server.PublicURL = g.options.PublicURL
	whole, err := proxy.New(proxy.Options{Server: server, APIURL: g.spotify.URL, Sessions: g.sessions, Auth: handler})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path string, header ...string) *http.Response {
		request := httptest.NewRequest(method, g.options.PublicURL+path, nil)
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		recorder := httptest.NewRecorder()
		whole.ServeHTTP(recorder, request)
		answer := recorder.Result()
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
		} {
			if got := answer.Header.Values(name); !slices.Equal(got, []string{want}) {
				t.Errorf("%s %s %v answered %d: %s is %q, want %q", method, path, header, answer.StatusCode, name, got, want)
			}
		}
		return answer
	}
	if len(handler.enabled) != len(wanted) {
		t.Errorf("there are %d endpoints, and this test knows %d", len(handler.enabled), len(wanted))
	}
	for _, e := range endpoints() {
		path := e.path
		if strings.HasSuffix(path, "/") {
			path += "0badcafe"
		}
		guardsReads, known := wanted[e.path]
		if !known {
			t.Errorf("%s is not in the table of this test", e.path)
		}
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			safe := method == "GET" || method == "HEAD"
			foreign := ask(method, path, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate")
			rejected := foreign.Header.Get(httperror.ReasonHeader) == httperror.CrossOriginRefused
			if want := !safe || guardsReads; rejected != want {
				t.Errorf("%s %s from another site: rejected %v, want %v", method, path, rejected, want)
			}
			script := ask(method, path) // without Origin and Sec-Fetch-Site
			rejected = script.Header.Get(httperror.ReasonHeader) == httperror.CrossOriginRefused
			if want := !safe && slices.Contains(e.methods, method); rejected != want {
				t.Errorf("%s %s of a script without Stagedoor-Request: rejected %v, want %v", method, path, rejected, want)
			}
		}
	}
}

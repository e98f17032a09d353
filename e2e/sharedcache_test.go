package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// permissions are headers by which an answer of Spotify's may be kept by a shared cache, at its defaults or by the RFC.
var permissions = [][]string{
	nil,
	{"Cache-Control", "public, max-age=60"},
	{"Cache-Control", "max-age=60"},
	{"Cache-Control", "s-maxage=60"},
	{"Cache-Control", `"public", max-age=60`},
	{"Cache-Control", "max-age=60, must-revalidate, proxy-revalidate"},
	{"Cache-Control", "must-understand, max-age=60"},
	{"Cache-Control", `no-cache="x-nothing", max-age=60`},
	{"Cache-Control", "max-age=60", "ETag", `"one-for-all"`, "Last-Modified", "Mon, 02 Nov 2026 12:00:00 GMT"},
	{"Expires", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)},
	{"X-Accel-Expires", "60"},
	{"Surrogate-Control", "max-age=60"},
	{"CDN-Cache-Control", "max-age=60"},
}

// permissive answers for the simulator's Web API with the permission that the query names by its number.
type permissive struct {
	*httptest.Server
	calls atomic.Int64
}

func newPermissive(t *testing.T, w *stage.World) *permissive {
	api, err := url.Parse(w.Accounts.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := &permissive{}
	p.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(api) },
		ModifyResponse: func(res *http.Response) error {
			p.calls.Add(1)
			i, err := strconv.Atoi(res.Request.URL.Query().Get("permission"))
			if err != nil {
				return nil // a login's call
			}
			for _, name := range []string{"Cache-Control", "Etag", "Vary"} {
				res.Header.Del(name)
			}
			for said := permissions[i]; len(said) > 0; said = said[2:] {
				res.Header.Set(said[0], said[1])
			}
			return nil
		},
	})
	t.Cleanup(p.Close)
	return p
}

// sharedCache is a cache in front of the gateway.
type sharedCache struct {
	name  string
	start func(t *testing.T, address, gateway string)
}

func nginxCache(lines string) func(*testing.T, string, string) {
	return func(t *testing.T, address, gateway string) {
		nginx, folder := stage.Found(t, "nginx"), t.TempDir()
		config := filepath.Join(folder, "nginx.conf")
		stage.WriteFile(t, config, fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
access_log off;
client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
proxy_cache_path %[1]s/cache keys_zone=answers:1m;
server { listen %[2]s; location / { proxy_pass http://%[3]s; proxy_cache answers; %[4]s } }
}
`, folder, address, gateway, lines))
		stage.StartProxy(t, address, folder, nginx, "-c", config, "-p", folder, "-e", "stderr")
	}
}

func varnishCache(lines string) func(*testing.T, string, string) {
	return func(t *testing.T, address, gateway string) {
		varnishd, folder := stage.Found(t, "varnishd"), t.TempDir()
		config := filepath.Join(folder, "default.vcl")
		host, port, _ := strings.Cut(gateway, ":")
		stage.WriteFile(t, config, fmt.Sprintf("vcl 4.1;\nbackend default { .host = %q; .port = %q; }\n%s\n", host, port, lines))
		stage.StartProxy(t, address, folder, varnishd, "-F", "-j", "none", "-n", filepath.Join(folder, "work"), "-a", address,
			"-f", config, "-s", "malloc,10m", "-p", "vcc_allow_inline_c=off")
	}
}

// sharedCaches are caches as operators set them up. The last looks up what its defaults would pass: requests with cookies
// and with Authorization.
var sharedCaches = []sharedCache{
	{"nginx", nginxCache("")},
	{"nginx that keeps for a minute", nginxCache("proxy_cache_valid 200 1m;")},
	{"Varnish", varnishCache("")},
	{"Varnish that looks up everything", varnishCache("sub vcl_recv { if (req.method == \"GET\") { return (hash); } }")},
}

// TestBehindASharedCache has two users and the caller of an account ask through each of them: all get their own answers, each
// of them Spotify's, and none after the logout, not even with the cookie of before it.
func TestBehindASharedCache(t *testing.T) {
	t.Parallel()
	for _, cache := range sharedCaches {
		t.Run(cache.name, func(t *testing.T) {
			t.Parallel()
			const key = "kitchen-9f31c2-7d1c"
			keys := filepath.Join(t.TempDir(), "keys")
			stage.WriteFile(t, keys, key)
			assets := newPublicFiles(t)
			var api *permissive
			w := stage.NewWorld(t, stage.Options{
				Accounts: fmt.Sprintf("box: {api_keys_file: %q}", keys),
				Quota:    "cache: 0", // only the cache before the gateway is looked at
				Routes: fmt.Sprintf("\n  - {path: /api/, upstream: spotify, credentials: user}\n"+
					"  - {path: /box/, upstream: spotify, credentials: account:box, methods: [GET], allow: [me]}\n"+
					"  - {path: /, upstream: %q, credentials: none}\n", assets.URL),
				Prepare: func(w *stage.World) {
					api = newPermissive(t, w)
					w.APIURL = api.URL + "/v1"
				},
			})
			w.ConnectAccount(t, "box", "chloe")
			address := sessiontest.FreeAddress(t)
			cache.start(t, address, host(w.Balancer))
			ada, ben := w.Visitor(), w.Visitor()
			ada.Login("ada")
			ben.Login("ben")
			stranger := w.Visitor()
			ada.Origin, ben.Origin, stranger.Origin = "http://"+address, "http://"+address, "http://"+address

			before := assets.calls.Load()
			for range 3 {
				stranger.Get("/public.js")
			}
			if calls := assets.calls.Load() - before; calls != 1 {
				t.Fatalf("the cache has asked for a public file %d times: it caches nothing, and this test shows nothing", calls)
			}
			before = api.calls.Load()
			for i, said := range permissions {
				path := fmt.Sprintf("?permission=%d", i)
				for range 2 {
					ada.Get("/api/me"+path).Expect(t, fmt.Sprint("ada, ", said), http.StatusOK, "", `"ada"`)
					ben.Get("/api/me"+path).Expect(t, fmt.Sprint("ben, ", said), http.StatusOK, "", `"ben"`)
					stranger.Get("/box/me"+path, "Authorization", "Bearer "+key).
						Expect(t, fmt.Sprint("the account, ", said), http.StatusOK, "", `"chloe"`)
				}
			}
			if calls := api.calls.Load() - before; calls != int64(6*len(permissions)) {
				t.Errorf("of %d answers, %d were Spotify's", 6*len(permissions), calls)
			}

			cookie := cookieLine(t, ada)
			if a := ada.Do(http.MethodPost, "/auth/logout", "", "Origin", w.Balancer.URL); a.Status != http.StatusNoContent {
				t.Fatalf("the logout got %d %s", a.Status, a.Body)
			}
			stage.WriteFile(t, keys, "another-9f31c2-7d1c")
			expectSaid(t, "another key", reload(w.Replicas[0]), reloaded)
			for i, said := range permissions {
				path := fmt.Sprintf("?permission=%d", i)
				stranger.Get("/api/me"+path).Expect(t, fmt.Sprint("a stranger, ", said), http.StatusUnauthorized, "LOGIN_REQUIRED")
				stranger.Get("/api/me"+path, "Cookie", cookie).
					Expect(t, fmt.Sprint("the old cookie, ", said), http.StatusUnauthorized, "LOGIN_REQUIRED")
				stranger.Get("/box/me"+path).Expect(t, fmt.Sprint("no key, ", said), http.StatusUnauthorized, "LOGIN_REQUIRED")
				stranger.Get("/box/me"+path, "Authorization", "Bearer "+key).
					Expect(t, fmt.Sprint("the old key, ", said), http.StatusUnauthorized, "LOGIN_REQUIRED")
			}
		})
	}
}

// publicFiles is a frontend whose files anybody may keep.
type publicFiles struct {
	*httptest.Server
	calls atomic.Int64
}

func newPublicFiles(t *testing.T) *publicFiles {
	f := &publicFiles{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		f.calls.Add(1)
		w.Header().Set("Cache-Control", "public, max-age=60")
		_, _ = w.Write([]byte("public"))
	}))
	t.Cleanup(f.Close)
	return f
}

// cookieLine is what a browser sends as Cookie.
func cookieLine(t *testing.T, v *stage.Visitor) string {
	t.Helper()
	origin, err := url.Parse(v.Origin)
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for _, c := range v.Client.Jar.Cookies(origin) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	if len(pairs) == 0 {
		t.Fatal("there is no cookie")
	}
	return strings.Join(pairs, "; ")
}

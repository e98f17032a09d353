package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestGuard(t *testing.T) {
	hosts := func() []string { return []string{"gateway", "Metrics.example."} }
	guard := Guard(hosts, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	for _, path := range []string{"/", "/livez", "/readyz", "/metrics", "/debug/pprof/"} {
		for _, c := range []struct {
			host, header, value string
			want                int
		}{
			{"127.0.0.1:9090", "", "", 200},
			{"127.0.0.1", "", "", 200},
			{"10.1.2.3:9090", "", "", 200},
			{"[::1]:9090", "", "", 200},
			{"[fe80::1]", "", "", 200},
			{"localhost", "", "", 200},
			{"LOCALHOST.:1", "", "", 200},
			{"gateway:9090", "", "", 200},
			{"Gateway", "", "", 200},
			{"metrics.example:80", "", "", 200},
			{"", "", "", 200}, // HTTP/1.0
			{"evil.example:9090", "", "", 403},
			{"evil.example", "", "", 403},
			{"gateway.evil.example", "", "", 403},
			{"localhost.evil.example:9090", "", "", 403},
			{"127.0.0.1.evil.example:9090", "", "", 403},
			{"127.1:9090", "", "", 403},
			{"x.localhost:9090", "", "", 403},
			{"127.0.0.1:9090:9090", "", "", 403},
			{"127.0.0.1:9090", "Sec-Fetch-Site", "none", 200},
			{"127.0.0.1:9090", "Sec-Fetch-Site", "same-origin", 200},
			{"127.0.0.1:9090", "Sec-Fetch-Site", "same-site", 403},
			{"127.0.0.1:9090", "Sec-Fetch-Site", "cross-site", 403},
			{"127.0.0.1:9090", "Origin", "http://127.0.0.1:9090", 200},
			{"127.0.0.1:9090", "Origin", "http://127.0.0.1:3000", 403},
			{"127.0.0.1:9090", "Origin", "https://evil.example", 403},
			{"127.0.0.1:9090", "Origin", "null", 403},
			{"127.0.0.1:9090", "Origin", "", 403},
		} {
			r := httptest.NewRequest("GET", path, nil)
			r.Host = c.host
			if c.header != "" {
				r.Header.Set(c.header, c.value)
			}
			w := httptest.NewRecorder()
			guard.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("%s at %q with %s %q: %d, want %d", path, c.host, c.header, c.value, w.Code, c.want)
			}
			if w.Code == 403 && c.header == "" && !strings.Contains(w.Body.String(), "admin.hosts") {
				t.Errorf("%q does not say what to do: %s", c.host, w.Body)
			}
		}
	}
}

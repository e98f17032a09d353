package proxy

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"stagedoor/proxy/policy"
)

func TestWhatIsNoJSONIsSandboxed(t *testing.T) {
	s := newStage(t)
	for name, c := range map[string]struct {
		status    int
		types     []string
		sandboxed bool
	}{
		"JSON":                     {200, []string{"application/json"}, false},
		"JSON with a parameter":    {404, []string{"application/json; charset=utf-8"}, false},
		"nothing":                  {204, nil, false},
		"not modified":             {304, nil, false},
		"HTML":                     {200, []string{"text/html"}, true},
		"HTML of an error":         {502, []string{"text/html; charset=utf-8"}, true},
		"HTML behind JSON":         {200, []string{"application/json", "text/html"}, true},
		"HTML in the line of JSON": {200, []string{"application/json, text/html"}, true},
		"HTML in a parameter":      {200, []string{"application/json; charset=utf-8, text/html"}, true},
		"SVG":                      {200, []string{"image/svg+xml"}, true},
		"text":                     {403, []string{"text/plain"}, true},
		"no type":                  {200, nil, true},
		"a type that is none":      {200, []string{"json"}, true},
	} {
		s.api.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = c.types
			w.Header().Set("Content-Security-Policy", "script-src *")
			w.WriteHeader(c.status)
			if c.status != 204 && c.status != 304 {
				_, _ = io.WriteString(w, "<script>")
			}
		})
		answer := s.get("/api/me", loggedIn())
		answer.ok(t, c.status)
		want := ""
		if c.sandboxed {
			want = policy.Sandbox
		}
		if got := answer.Header.Get("Content-Security-Policy"); got != want || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, answer.Header)
		}
	}
	// The gateway's own pages have a policy of their own, and a frontend sees to its own.
	s.get("/api/%2e%2e", loggedIn("Sec-Fetch-Dest: document")).expectPolicy(t, "form-action 'none'")
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "script-src 'self'")
	})
	s.get("/", loggedIn()).expectPolicy(t, "script-src 'self'")
}

func (a answered) expectPolicy(t *testing.T, part string) {
	t.Helper()
	if got := a.Header.Get("Content-Security-Policy"); !strings.Contains(got, part) || got == policy.Sandbox {
		t.Errorf("the policy is %q, want %q", got, part)
	}
}

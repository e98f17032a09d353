package flows

import (
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"stagedoor/internal/httperror"
)

func TestClientScript(t *testing.T) {
	b := newGateway(t, nil).browser()
	for path, want := range map[string]struct{ contentType, body string }{
		"/auth/client.js":   {"text/javascript; charset=utf-8", clientScript},
		"/auth/client.d.ts": {"text/plain; charset=utf-8", "export {};\n"},
	} {
		a := b.do(http.MethodGet, path, "Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "script")
		b.expect(a, http.StatusOK, "")
		if a.Header.Get("Content-Type") != want.contentType || a.body != want.body {
			t.Errorf("%s is %q of type %q", path, a.body, a.Header.Get("Content-Type"))
		}
		head := b.do(http.MethodHead, path)
		b.expect(head, http.StatusOK, "")
		if head.body != "" || head.ContentLength != int64(len(want.body)) {
			t.Errorf("HEAD %s has %d bytes and a body of %q", path, head.ContentLength, head.body)
		}
		b.expect(b.do(http.MethodPost, path), http.StatusMethodNotAllowed, httperror.MethodRefused)
	}
}

func TestUnknownEndpoints(t *testing.T) {
	b := newGateway(t, nil).browser()
	for _, path := range []string{
		"/", "/auth", "/auth/", "/auth/x", "/auth/login/", "/auth//login", "/auth/LOGIN", "/auth/session/x", "/auth/<script>",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			b.expect(b.do(method, path), http.StatusNotFound, httperror.PathRefused)
		}
		page := b.do(http.MethodGet, path, "Sec-Fetch-Dest", "document")
		b.expect(page, http.StatusNotFound, httperror.PathRefused)
		if !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: a person gets %s", path, page.Header.Get("Content-Type"))
		}
	}
}

// A gateway that cannot work says so at start.
func TestNewRefuses(t *testing.T) {
	for name, o := range map[string]Options{
		"public URL":        {PublicURL: "http://a b", Client: fstest.MapFS{"client.js": {}, "client.d.ts": {}}},
		"no client.js":      {PublicURL: testPublicURL, Client: fstest.MapFS{"client.d.ts": {}}},
		"no client's types": {PublicURL: testPublicURL, Client: fstest.MapFS{"client.js": {}}},
	} {
		if h, err := New(o); err == nil || h != nil {
			t.Errorf("%s: New answered %v, %v", name, h, err)
		}
	}
}

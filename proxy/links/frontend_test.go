package links

import (
	"net/http"
	"net/url"
	"testing"
)

func parsed(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOwnLocations(t *testing.T) {
	const public = "https://app.example"
	for _, c := range []struct{ upstream, host, location, want string }{
		{"http://web:3000", "app.example", "http://web:3000/docs/", public + "/docs/"},
		{"http://web:3000", "app.example", "HTTP://WEB:3000/docs/?a=%2F#b", public + "/docs/?a=%2F#b"},
		{"http://web:3000", "app.example", "//web:3000/docs/", public + "/docs/"},
		{"http://web:3000", "app.example", "http://web:3000", public + "/"},
		{"http://web:3000", "app.example", "http://web:3000?a", public + "?a"},
		{"http://web", "app.example", "http://web:80/docs/", public + "/docs/"},
		{"http://web:80", "app.example", "http://web/docs/", public + "/docs/"},
		{"https://web", "web", "https://web:443/docs/", public + "/docs/"},
		{"https://web:443", "web", "//web/docs/", public + "/docs/"},
		{"http://[::1]:3000", "app.example", "http://[::1]:3000/docs/", public + "/docs/"},
		// What a frontend makes of the Host that it is asked with.
		{"http://web:3000", "app.example", "http://app.example:3000/docs/", public + "/docs/"},
		{"http://web:3000", "app.example", "http://app.example/docs/", public + "/docs/"},
		{"http://web:3000", "127.0.0.1:8080", "http://127.0.0.1:3000/docs/", public + "/docs/"},
		{"http://web:3000", "127.0.0.1:8080", "http://127.0.0.1:8080/docs/", public + "/docs/"},
		// Everything else is a place of its own.
		{"http://web:3000", "web:3000", "http://app.example/docs/", "http://app.example/docs/"},
		{"http://web:3000", "app.example", "https://app.example/docs/", "https://app.example/docs/"},
		{"http://web:3000", "app.example", "/docs/", "/docs/"},
		{"http://web:3000", "app.example", "docs/", "docs/"},
		{"http://web:3000", "app.example", "http://web/docs/", "http://web/docs/"},
		{"http://web:3000", "app.example", "https://web:3000/docs/", "https://web:3000/docs/"},
		{"http://web:3000", "app.example", "http://web:3000.evil.example/", "http://web:3000.evil.example/"},
		{"http://web:3000", "app.example", "http://user@web:3000/", "http://user@web:3000/"},
		{"http://web:3000", "app.example", "https://accounts.spotify.com/authorize?x", "https://accounts.spotify.com/authorize?x"},
		{"http://web:3000", "app.example", "http://%zz/", "http://%zz/"},
	} {
		o := NewFrontend(parsed(t, c.upstream), parsed(t, public), c.host)
		h := http.Header{"Location": {c.location}, "Content-Location": {c.location}}
		o.MapHeader(h)
		if got := h.Get("Location"); got != c.want || h.Get("Content-Location") != c.want {
			t.Errorf("%s, asked as %s: %s became %s, want %s", c.upstream, c.host, c.location, got, c.want)
		}
	}
}

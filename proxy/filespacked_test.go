package proxy

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stagedoor/proxy/proxytest"
)

// TestFilesAreToldApartByTheirContent changes a file and nothing else: name, length and modification time stay.
func TestFilesAreToldApartByTheirContent(t *testing.T) {
	dist := site(t)
	s := newStage(t, withFiles(Route{Path: "/", Files: dist, Fallback: "index.html"}))
	tags := map[string]string{}
	for i, text := range []string{"build 1", "build 2", "build 1", "build 2"} {
		proxytest.OldFile(filepath.Join(dist, "index.html"), text)
		for _, path := range []string{"/", "/index.html", "/library"} {
			first := s.get(path, header("If-Modified-Since: "+time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")))
			tag := first.Header.Get("Etag")
			if first.StatusCode != 200 || first.body != text || first.Header.Get("Last-Modified") != "" || first.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s, build %d: %d %q %v", path, i, first.StatusCode, first.body, first.Header)
			}
			if known := tags[text]; !strings.HasPrefix(tag, `"`) || known != "" && known != tag {
				t.Errorf("%s, %s: ETag %s and %s", path, text, tag, known)
			}
			tags[text] = tag
			for other, old := range tags {
				if got := s.get(path, header("If-None-Match: "+old)); other == text && got.StatusCode != 304 || other != text && got.body != text {
					t.Errorf("%s: who has %q got %d %q, want %q", path, other, got.StatusCode, got.body, text)
				}
				want := text[1:2]
				if other != text {
					want = text
				}
				if got := s.get(path, header("Range: bytes=1-1", "If-Range: "+old)); got.body != want {
					t.Errorf("%s: a range for who has %q is %d %q", path, other, got.StatusCode, got.body)
				}
			}
			if got := s.get(path, header("Range: bytes=1-1", "If-Range: Sat, 26 Oct 1985 08:15:00 GMT")); got.body != text {
				t.Errorf("%s: a range by a date is %d %q", path, got.StatusCode, got.body)
			}
		}
	}
	if tags["build 1"] == tags["build 2"] {
		t.Error("two builds have one ETag")
	}
}

func TestPackedFiles(t *testing.T) {
	dist := site(t)
	for name, text := range map[string]string{
		"app.js": "original", "app.js.br": "by brotli", "app.js.gz": "by gzip", "index.html": "home", "index.html.gz": "packed home",
		"only.css": "original", "notes": "plain text", "notes.gz": "packed notes", "gone.js.br": "of a file that is gone",
	} {
		proxytest.OldFile(filepath.Join(dist, name), text)
	}
	if err := os.Symlink("../secret.txt", filepath.Join(dist, "only.css.br")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dist, "only.css.gz"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := newStage(t, withFiles(Route{Path: "/", Files: dist, Fallback: "index.html"}))
	tags := map[string]string{}
	for _, c := range []struct{ path, accepts, coding, body, kind string }{
		{"/app.js", "", "", "original", "text/javascript"},
		{"/app.js", "gzip, deflate, br, zstd", "br", "by brotli", "text/javascript"},
		{"/app.js", "gzip", "gzip", "by gzip", "text/javascript"},
		{"/app.js", "X-GZip", "gzip", "by gzip", "text/javascript"},
		{"/app.js", "br;q=0.5, gzip;q=0.9", "gzip", "by gzip", "text/javascript"},
		{"/app.js", "br ; Q=0 ,gzip ; q=0.000", "", "original", "text/javascript"},
		{"/app.js", "*", "br", "by brotli", "text/javascript"},
		{"/app.js", "br;q=0, *;q=0.1", "gzip", "by gzip", "text/javascript"},
		{"/app.js", "identity, br;q=0.5", "", "original", "text/javascript"},
		{"/app.js", "identity;q=0.5, br;q=0.5", "br", "by brotli", "text/javascript"},
		{"/app.js", "br;q=x, gzip;q=2", "", "original", "text/javascript"},
		{"/app.js", "zstd", "", "original", "text/javascript"},
		{"/app.js.br", "br", "", "by brotli", ""},
		{"/app.js.gz", "gzip", "", "by gzip", ""},
		{"/", "gzip", "gzip", "packed home", "text/html"},
		{"/library", "br, gzip", "gzip", "packed home", "text/html"},
		{"/notes", "gzip", "gzip", "packed notes", "text/plain"},
		{"/only.css", "br, gzip", "", "original", "text/css"},
	} {
		sent := header("Accept-Encoding: " + c.accepts)
		got := s.get(c.path, sent)
		got.ok(t, 200)
		what := fmt.Sprintf("%s for %q", c.path, c.accepts)
		if got.body != c.body || got.Header.Get("Content-Encoding") != c.coding || !strings.HasPrefix(got.Header.Get("Content-Type"), c.kind) {
			t.Errorf("%s: %q %v", what, got.body, got.Header)
		}
		choice := !strings.Contains(c.path, ".css") && !strings.Contains(c.path, ".js.")
		if (got.Header.Get("Vary") == "Accept-Encoding") != choice || got.ContentLength != int64(len(c.body)) {
			t.Errorf("%s: Vary %q, length %d", what, got.Header.Get("Vary"), got.ContentLength)
		}
		tag := got.Header.Get("Etag")
		if other := tags[tag]; other != "" && other != c.coding+c.body {
			t.Errorf("%s: the ETag %s is also %q's", what, tag, other)
		}
		tags[tag] = c.coding + c.body

		sent.Set("If-None-Match", tag)
		if again := s.get(c.path, sent); again.StatusCode != 304 || again.Header.Get("Vary") != got.Header.Get("Vary") || again.Header.Get("Etag") != tag {
			t.Errorf("%s: known, %d %v", what, again.StatusCode, again.Header)
		}
		sent.Del("If-None-Match")
		head := s.do("HEAD", c.path, sent, nil)
		if head.StatusCode != 200 || head.Header.Get("Etag") != tag || head.Header.Get("Content-Length") != fmt.Sprint(len(c.body)) {
			t.Errorf("%s: HEAD %d %v", what, head.StatusCode, head.Header)
		}
		sent.Set("Range", "bytes=1-2")
		if part := s.get(c.path, sent); part.StatusCode != 206 || part.body != c.body[1:3] || part.Header.Get("Content-Encoding") != c.coding {
			t.Errorf("%s: a part, %d %q %v", what, part.StatusCode, part.body, part.Header)
		}
	}
	s.get("/gone.js", header("Accept-Encoding: br")).rejected(t, 404, "PATH_REFUSED")
	sent := header("Accept-Encoding: br", "If-Match: \"other\"")
	if got := s.get("/app.js", sent); got.StatusCode != 412 || got.Header.Get("Content-Encoding") != "" || got.body != "" {
		t.Errorf("another version: %d %q %v", got.StatusCode, got.body, got.Header)
	}
}

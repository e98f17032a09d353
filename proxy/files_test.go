package proxy

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// site writes a folder with a little of everything, and a secret beside it.
func site(t *testing.T) string {
	t.Helper()
	parent := t.TempDir()
	for name, text := range map[string]string{
		"secret.txt": "secret", "dist/index.html": "<h1>home</h1>", "dist/app.js": "js", "dist/docs/index.html": "docs",
		"dist/empty/x.txt": "x", "dist/.env": "secret", "dist/.git/config": "secret", "dist/.well-known/x.json": "{}",
		"dist/a b.txt": "space", "dist/app.webmanifest": "{}",
	} {
		path := filepath.Join(parent, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret.txt", filepath.Join(parent, "dist/link.txt")); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "dist")
}

func withFiles(route Route) func(*Options) {
	route.Credentials = CredentialsNone
	return func(o *Options) { o.Routes[1] = route }
}

func TestFiles(t *testing.T) {
	folder := site(t)
	for name, fallback := range map[string]string{"without fallback": "", "with fallback": "index.html"} {
		s := newStage(t, withFiles(Route{Path: "/", Files: folder, Fallback: fallback}))
		home, missing := "<h1>home</h1>", 404
		if fallback != "" {
			missing = 200
		}
		for _, c := range []struct {
			path   string
			status int
			body   string
		}{
			{"/", 200, home}, {"/index.html", 200, home}, {"/app.js", 200, "js"}, {"/docs/", 200, "docs"}, {"/a%20b.txt", 200, "space"},
			{"/docs", 302, ""}, {"/.well-known/x.json", 200, "{}"}, {"/empty/x.txt", 200, "x"}, {"/missing.js", 404, ""},
			{"/.env", 404, ""}, {"/.git/config", 404, ""}, {"/.git/", 404, ""}, {"/.git", 404, ""}, {"/link.txt", 404, ""},
			{"/../secret.txt", 404, ""}, {"/%2e%2e/secret.txt", 404, ""}, {"/..%2fsecret.txt", 404, ""}, {"/docs/..%2f..%2fsecret.txt", 404, ""},
			{"/a%00.txt", 404, ""}, {"/docs%5cindex.html", 404, ""}, {"/" + strings.Repeat("a", 300) + ".txt", 404, ""}, {"/app.js/x.txt", 404, ""},
			{"/app.js/", 404, ""},
			{"/empty/", missing, home}, {"/library/albums", missing, home}, {"/empty", missing, home},
		} {
			answer := s.get(c.path, nil)
			if answer.StatusCode != c.status || c.status == 200 && answer.body != c.body || strings.Contains(answer.body, "secret") {
				t.Errorf("%s, %s: %d %.40q, want %d %q", name, c.path, answer.StatusCode, answer.body, c.status, c.body)
			}
			if answer.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: no nosniff", c.path)
			}
			html := strings.HasPrefix(answer.Header.Get("Content-Type"), "text/html")
			if c.status == 200 && html && answer.Header.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: Cache-Control %q", c.path, answer.Header.Get("Cache-Control"))
			}
		}
	}
}

func TestFallbackForAPersonWhoTypesAPathWithADot(t *testing.T) {
	s := newStage(t, withFiles(Route{Path: "/", Files: site(t), Fallback: "index.html"}))
	s.get("/users/j.doe", header("Accept: text/html,*/*")).ok(t, 200)
	s.get("/users/j.doe", header("Accept: */*")).rejected(t, 404, "PATH_REFUSED")
}

func TestFilesAreRead(t *testing.T) {
	s := newStage(t, withFiles(Route{Path: "/", Files: site(t)}))
	answer := s.do("POST", "/app.js", nil, nil)
	answer.rejected(t, 405, "METHOD_REFUSED")
	if answer.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow %q", answer.Header.Get("Allow"))
	}
	head := s.do("HEAD", "/app.js", nil, nil)
	head.ok(t, 200)
	if head.body != "" || head.Header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: %v %q", head.Header, head.body)
	}
	part := s.get("/app.js", header("Range: bytes=1-1"))
	if part.StatusCode != http.StatusPartialContent || part.body != "s" {
		t.Errorf("Range: %d %q", part.StatusCode, part.body)
	}
	if got := s.get("/app.webmanifest", nil).Header.Get("Content-Type"); got != "application/manifest+json" {
		t.Errorf("a manifest is %q", got)
	}
}

func TestFilesBelowAPrefix(t *testing.T) {
	s := newStage(t, withFiles(Route{Path: "/app/", FS: fstest.MapFS{
		"index.html": {Data: []byte("home")}, "sub dir/index.html": {Data: []byte("sub")},
	}}))
	if got := s.get("/app/", nil); got.body != "home" {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
	for path, want := range map[string]string{"/app?x=1": "./app/?x=1", "/app/sub%20dir": "./sub%20dir/"} {
		if got := s.get(path, nil).Header.Get("Location"); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	s.get("/", nil).rejected(t, 404, "PATH_REFUSED")
}

func TestFolderMayBeReplaced(t *testing.T) {
	dist := site(t)
	s := newStage(t, withFiles(Route{Path: "/", Files: dist}))
	s.get("/app.js", nil).ok(t, 200)
	if err := os.RemoveAll(dist); err != nil {
		t.Fatal(err)
	}
	s.get("/app.js", nil).rejected(t, 404, "PATH_REFUSED")
	if err := os.Mkdir(dist, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dist, "app.js"), []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := s.get("/app.js", nil).body; got != "new" {
		t.Errorf("after the build: %q", got)
	}
}

package web

import (
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"stagedoor/client"
)

// read returns a file's text.
func read(t *testing.T, files fs.FS, name string) string {
	t.Helper()
	text, err := fs.ReadFile(files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// walk visits every file of both file systems.
func walk(t *testing.T, visit func(t *testing.T, name, text string)) {
	t.Helper()
	for _, files := range []fs.FS{Demo(), client.Files()} {
		err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			t.Run(name, func(t *testing.T) { visit(t, name, read(t, files, name)) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestDemoObeysItsPolicy looks for what the page's Content-Security-Policy would refuse, and for other hosts.
func TestDemoObeysItsPolicy(t *testing.T) {
	meta := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`)
	policy := meta.FindStringSubmatch(read(t, Demo(), "index.html"))
	if policy == nil {
		t.Fatal("index.html has no Content-Security-Policy")
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "connect-src 'self';"} {
		if !strings.Contains(policy[1], want) {
			t.Errorf("the policy %q lacks %q", policy[1], want)
		}
	}

	forbidden := map[string]*regexp.Regexp{
		"an inline script":         regexp.MustCompile(`(?i)<script(\s+[\w-]+="[^"]*")*\s*>[^<]`),
		"an inline style sheet":    regexp.MustCompile(`(?i)<style`),
		"a style attribute":        regexp.MustCompile(`(?i)<[^>]*\sstyle\s*=|setAttribute\(\s*'style'`),
		"an event attribute":       regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`),
		"markup made from strings": regexp.MustCompile(`\.(inner|outer)HTML|insertAdjacentHTML|document\.write`),
		"code made from strings":   regexp.MustCompile(`\beval\(|new Function\(|javascript:`),
	}
	namespace := regexp.MustCompile(`http://www\.w3\.org/2000/svg`) // a name, which is not fetched
	elsewhere := regexp.MustCompile(`(?i)\b(https?|wss?):|["'(]//[a-z]|@import`)
	walk(t, func(t *testing.T, name, text string) {
		for what, pattern := range forbidden {
			if found := pattern.FindString(text); found != "" {
				t.Errorf("%s: %q", what, found)
			}
		}
		if path.Ext(name) == ".ts" {
			return // its comments show how to reach a gateway on another origin
		}
		if found := elsewhere.FindString(namespace.ReplaceAllString(text, "")); found != "" {
			t.Errorf("an address on another host: %q", found)
		}
	})
}

// TestDemoHasItsParts keeps what scripts, style and browser tests reach for in the page.
func TestDemoHasItsParts(t *testing.T) {
	page := read(t, Demo(), "index.html")
	ids := map[string]int{}
	for _, id := range regexp.MustCompile(`\sid="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		ids[id[1]]++
	}
	for id, times := range ids {
		if times != 1 {
			t.Errorf("the id %q is there %d times", id, times)
		}
	}
	want := strings.Fields("login logout profile-name playlists playlists-more playlists-count player-state player-toggle " +
		"player-next player-previous player-title holdings requests message")
	uses := regexp.MustCompile(`(?:aria-labelledby|href|fill|mask)="(?:url\()?#?([a-z][a-z-]+)\)?"`)
	for _, use := range uses.FindAllStringSubmatch(page, -1) {
		want = append(want, use[1])
	}
	walk(t, func(_ *testing.T, _, text string) {
		for _, use := range regexp.MustCompile(`byId\('([^']+)'\)`).FindAllStringSubmatch(text, -1) {
			want = append(want, use[1])
		}
	})
	for _, id := range want {
		if ids[id] == 0 {
			t.Errorf("index.html has no element with the id %q", id)
		}
	}
	for _, text := range []string{"<title>Stagedoor demo</title>", "Not affiliated with Spotify", `lang="en"`, "<noscript>"} {
		if !strings.Contains(page, text) {
			t.Errorf("index.html lacks %q", text)
		}
	}
}

// TestDemoLoadsOnlyWhatExists follows the page's own links and its modules' imports.
func TestDemoLoadsOnlyWhatExists(t *testing.T) {
	links := regexp.MustCompile(`(?:from '|(?:src|href)=")(/[^'"]+|\./[^'"]+)['"]`)
	seen := 0
	walk(t, func(t *testing.T, _, text string) {
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			files, name := Demo(), path.Clean(strings.TrimLeft(link[1], "./"))
			if served, found := strings.CutPrefix(link[1], "/auth/"); found {
				files, name = client.Files(), served
			}
			if _, err := fs.Stat(files, name); err != nil {
				t.Errorf("%s: %v", link[1], err)
			}
			seen++
		}
	})
	if seen < 10 {
		t.Errorf("%d links were followed, want those of every module", seen)
	}
}

package httperror

import (
	"crypto/sha256"
	"encoding/base64"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Only a person who navigates gets a page.
func TestWriteChoosesByDestination(t *testing.T) {
	for _, test := range []struct {
		header http.Header
		page   bool
	}{
		{http.Header{"Sec-Fetch-Dest": {"document"}}, true},
		{http.Header{"Sec-Fetch-Dest": {"document"}, "Accept": {"application/json"}}, true},
		{http.Header{"Sec-Fetch-Dest": {"empty"}, "Accept": {"text/html"}}, false},
		{http.Header{"Sec-Fetch-Dest": {"iframe"}}, false},
		{http.Header{"Sec-Fetch-Dest": {"image"}}, false},
		{http.Header{"Accept": {"text/html"}}, false},
		{http.Header{}, false},
	} {
		response, _ := write(t, http.MethodGet, test.header, New(LoginRequired, "Log in.", nil))
		if got := strings.HasPrefix(response.Header.Get("Content-Type"), "text/html"); got != test.page {
			t.Errorf("%v is answered with %s", test.header, response.Header.Get("Content-Type"))
		}
	}
}

// Every reason has a page with a title of its own, its sentence, a way on, and the headers that keep it in its place.
func TestPage(t *testing.T) {
	seen := map[string]string{}
	for reason, status := range contract {
		response, body := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {"document"}}, New(reason, "Do this next.", nil))
		title := html.UnescapeString(between(body, "<h1>", "</h1>"))
		if title == "" || title != html.UnescapeString(between(body, "<title>", "</title>")) || seen[title] != "" {
			t.Errorf("%s: the title is %q; %s may have it too", reason, title, seen[title])
		}
		seen[title] = reason
		if response.StatusCode != status || !strings.Contains(body, "Do this next.") || !strings.Contains(body, `href="/"`) {
			t.Errorf("%s: %d %s", reason, response.StatusCode, body)
		}
		if strings.Contains(body, "/auth/login") {
			t.Errorf("%s: there is a link to a login that does not help", reason)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Stagedoor-Reason": reason, "Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Security-Policy": DefaultPages().frame.Policy(),
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", reason, name, got, want)
			}
		}
	}
}

// The policy allows the one style element by its hash, which a browser takes of exactly what stands in it.
func TestPagePolicy(t *testing.T) {
	response, body := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {"document"}}, New(LoginRequired, "Log in.", nil))
	if got := strings.Count(body, "<style"); got != 1 {
		t.Fatalf("the page has %d style elements", got)
	}
	css := between(body, "<style>", "</style>")
	file, err := os.ReadFile("page.css")
	if err != nil {
		t.Fatal(err)
	}
	if css == "" || css != string(file) || strings.ContainsAny(css, "\r\x00") {
		t.Errorf("the style element does not hold page.css as a browser would read it: %q", css)
	}
	sum := sha256.Sum256([]byte(css))
	policy := response.Header.Get("Content-Security-Policy")
	for _, want := range []string{
		"default-src 'none'", "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	} {
		if !strings.Contains("; "+policy+";", "; "+want+";") {
			t.Errorf("the policy is %q, and lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is %q", policy)
	}
	// What the policy would block has no business on the page.
	blocked := regexp.MustCompile(`(?i)<script|\sstyle=|\son[a-z]+=|\ssrc=|<link|<iframe|<form|javascript:`)
	if found := blocked.FindString(body); found != "" {
		t.Errorf("the policy blocks %q, which is on the page", found)
	}
	if found := regexp.MustCompile(`(?i)url\(\s*["']?[^#"'\s]|@import`).FindString(css); found != "" { // url(#id) fetches nothing
		t.Errorf("the policy blocks %q, which is in page.css", found)
	}
}

// Messages and addresses are data, whatever their source.
func TestPageEscapes(t *testing.T) {
	e := New(InsufficientScope, `</p><script>alert("1")</script><img src=x onerror='2'>&amp;`, nil)
	e.LoginURL = `/auth/login?scope=a&return_to="><script>3</script>`
	_, body := write(t, http.MethodGet, http.Header{"Sec-Fetch-Dest": {"document"}}, e)
	if strings.Contains(body, "<script") || strings.Contains(body, "<img") {
		t.Errorf("markup came through: %s", body)
	}
	if !strings.Contains(html.UnescapeString(body), e.Message) {
		t.Errorf("the message did not come through as text: %s", body)
	}
	if !strings.Contains(body, `href="/auth/login?scope=a&amp;return_to=&#34;&gt;&lt;script&gt;3&lt;/script&gt;"`) {
		t.Errorf("the login link is not what was meant: %s", body)
	}
	w := httptest.NewRecorder()
	DefaultPages().WriteNotice(w, httptest.NewRequest(http.MethodGet, "/auth/callback", nil), e.Message, e.Message, "Then.")
	if body = w.Body.String(); strings.Contains(body, "<script") || strings.Count(html.UnescapeString(body), e.Message) != 3 {
		t.Errorf("in its title, its heading and its sentence, a notice does not keep text text: %s", body)
	}
}

// Escaping makes no address harmless: only where logins begin is a link.
func TestPageLinksToNothingElse(t *testing.T) {
	for _, address := range []string{
		"javascript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x", "//elsewhere.example/auth/login",
		"https://elsewhere.example/auth/login", "/auth/login/../elsewhere", `\\elsewhere.example`, "/auth/login#x",
	} {
		e := New(LoginRequired, "Log in.", nil)
		e.LoginURL = address
		if links := regexp.MustCompile(`<a [^>]*>`).FindAllString(pageFor(e), -1); len(links) != 1 || links[0] != `<a href="/">` {
			t.Errorf("with %q the page links to %q", address, links)
		}
	}
}

// OnPage is for endpoints to which only people navigate: no header changes that.
func TestPageWhateverTheRequest(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/auth/callback", nil)
	r.Header.Set("Sec-Fetch-Dest", "empty")
	r.Header.Set("Accept", "application/json")
	w := httptest.NewRecorder()
	DefaultPages().Write(w, r, OnPage(New(AccessDenied, "No.", nil)), "id")
	if got := w.Header().Get("Content-Type"); got != "text/html; charset=utf-8" || w.Code != http.StatusForbidden {
		t.Errorf("answered %d with %s", w.Code, got)
	}
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

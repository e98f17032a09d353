package page

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

const (
	// css and script have everything that escaping would touch, which the browser's hash would notice.
	css    = "main > p::before { content: \"<&'\"; }\n"
	script = "'use strict';\nif (1 < 2 && 2 > 1) document.title = \"&amp;\";\n"
	// hostile is text that wants out of wherever it is put.
	hostile = `</title></p>"'><script>alert("1")</script><img src=x onerror='2'>&amp;`
)

// answer writes a page and returns it.
func answer(f *Frame, method string, body ...g.Node) (header http.Header, page string) {
	w := httptest.NewRecorder()
	f.Write(w, httptest.NewRequest(method, "/", nil), http.StatusTeapot, hostile, body...)
	return w.Header(), w.Body.String()
}

// Style sheet and script stand in the page letter by letter, because the policy names them by the hashes of their letters.
func TestPolicyNamesWhatIsThere(t *testing.T) {
	header, page := answer(New(Parts{CSS: css, Script: script, Connect: "'self'"}), "GET")
	for _, part := range []string{"<style>" + css + "</style>", "<script>" + script + "</script>"} {
		if strings.Count(page, part) != 1 {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
	want := "default-src 'none'; style-src '" + HashSource(css) + "'; script-src '" + HashSource(script) +
		"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	if got := header.Get("Content-Security-Policy"); got != want {
		t.Errorf("the policy is %s\nwant %s", got, want)
	}
}

// A page without a script allows none, and loads nothing from elsewhere.
func TestPolicyWithoutScript(t *testing.T) {
	header, page := answer(New(Parts{CSS: css}), "GET")
	policy := header.Get("Content-Security-Policy")
	if strings.Contains(policy, "script-src") || strings.Contains(policy, "connect-src") || strings.Contains(page, "<script") {
		t.Errorf("a script may run under %s:\n%s", policy, page)
	}
}

// Outside of the frame's own texts, everything is text.
func TestPageIsEscaped(t *testing.T) {
	_, page := answer(New(Parts{CSS: css}), "GET", html.P(html.Class(hostile), g.Text(hostile)))
	const escaped = "&lt;/title&gt;&lt;/p&gt;&#34;&#39;&gt;&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;" +
		"&lt;img src=x onerror=&#39;2&#39;&gt;&amp;amp;"
	for _, part := range []string{"<title>" + escaped + "</title>", `<p class="` + escaped + `">` + escaped + "</p>"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
}

// HEAD is answered as GET is, without the page.
func TestHead(t *testing.T) {
	get, page := answer(New(Parts{CSS: css}), "GET")
	head, nothing := answer(New(Parts{CSS: css}), "HEAD")
	for name := range get {
		if get.Get(name) != head.Get(name) {
			t.Errorf("%s is %q to GET and %q to HEAD", name, get.Get(name), head.Get(name))
		}
	}
	if page == "" || nothing != "" {
		t.Errorf("GET is answered with %q, HEAD with %q", page, nothing)
	}
}

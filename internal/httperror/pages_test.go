package httperror

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stagedoor/internal/page"
)

const (
	pixel = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
	svg   = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>`
)

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newPages(t *testing.T, c PagesConfig) *Pages {
	t.Helper()
	pages, err := NewPages(c)
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// navigate returns the answer to a person whose request failed with e.
func navigate(p *Pages, target string, e *Error) *httptest.ResponseRecorder {
	r, w := httptest.NewRequest(http.MethodGet, target, nil), httptest.NewRecorder()
	r.Header.Set("Sec-Fetch-Dest", "document")
	p.Write(w, r, e, "id-1")
	return w
}

func TestPagesInTheAppsLook(t *testing.T) {
	css := "h1 { color: rebeccapurple } .x { background: url(data:image/png;base64,AAAA) } /* </styl */"
	p := newPages(t, PagesConfig{
		Name: `Radio <b>"Nord"</b>`, LogoFile: file(t, "logo.svg", svg), Accent: "#1db954", CSSFile: file(t, "own.css", css),
		SupportURL: `https://help.example/?a="><script>`,
	})
	w := navigate(p, "/x", New(PathRefused, "No.", nil))
	body, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	for _, want := range []string{
		`<title>Nothing here · Radio &lt;b&gt;&#34;Nord&#34;&lt;/b&gt;</title>`, `<img src="data:image/svg+xml;base64,`,
		`alt="Radio &lt;b&gt;&#34;Nord&#34;&lt;/b&gt;"`, `>Back to Radio &lt;b&gt;`, css + "</style>", "--lamp: #1db954;",
		`<a href="https://help.example/?a=&#34;&gt;&lt;script&gt;" rel="noreferrer">Get help</a>`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	style := between(body, "<style>", "</style>")
	if want := "default-src 'none'; style-src '" + page.HashSource(style) + "'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"; policy != want {
		t.Errorf("the policy is %s\nwant %s", policy, want)
	}
	if strings.Contains(body, "<script") || strings.Contains(body, `class="leaf"`) {
		t.Errorf("the page has a script, or the gateway's picture beside the app's:\n%s", body)
	}
	if policy := newPages(t, PagesConfig{Name: "Radio"}).frame.Policy(); strings.Contains(policy, "img-src") {
		t.Errorf("without pictures the policy is %s", policy)
	}
	if got := p.Frame(page.Parts{FormAction: "'self'"}).Policy(); !strings.Contains(got, page.HashSource(style)) || !strings.Contains(got, "img-src data:") {
		t.Errorf("the policy of another frame is %s", got)
	}
}

func TestPagesConfigProblems(t *testing.T) {
	origins := []string{"https://music.example", "https://app.example"}
	for name, test := range map[string]struct {
		config PagesConfig
		want   string
	}{
		"nothing":              {PagesConfig{}, ""},
		"all":                  {PagesConfig{Name: "Rädio", LogoFile: file(t, "a.PNG", pixel), Accent: "#abc", CSSFile: file(t, "a.css", "a{}"), SupportURL: "https://a.example", ErrorURL: "/oh no"}, "error_url: is not an address"},
		"a long name":          {PagesConfig{Name: strings.Repeat("ä", maxName+1)}, "name: has more than 60 characters"},
		"two lines":            {PagesConfig{Name: "a\nb"}, "name: holds a line end"},
		"no colour":            {PagesConfig{Accent: "green"}, "accent: is not a colour"},
		"a way out of a rule":  {PagesConfig{Accent: "#fff;}"}, "accent: is not a colour"},
		"a logo by no name":    {PagesConfig{LogoFile: file(t, "logo.exe", pixel)}, "logo_file: is not a picture by its name"},
		"a logo by its name":   {PagesConfig{LogoFile: file(t, "logo.png", svg)}, "logo_file: does not hold what its name says, image/png"},
		"a page as logo":       {PagesConfig{LogoFile: file(t, "logo.svg", "<html>")}, "logo_file: does not hold"},
		"a large logo":         {PagesConfig{LogoFile: file(t, "logo.png", pixel+strings.Repeat("x", maxPageFile))}, "logo_file: names a file of more than 64 KiB"},
		"no logo":              {PagesConfig{LogoFile: "/none/logo.png"}, "logo_file: names a file that cannot be read (no such file or directory)"},
		"an empty style sheet": {PagesConfig{CSSFile: file(t, "a.css", "")}, "css_file: names an empty file"},
		"a way out":            {PagesConfig{CSSFile: file(t, "a.css", "a{}</STYLE ><script>alert(1)</script>")}, "css_file: holds </style"},
		"an import":            {PagesConfig{CSSFile: file(t, "a.css", "@IMPORT 'https://a.example/a.css';")}, "css_file: loads something by @IMPORT"},
		"a picture from afar":  {PagesConfig{CSSFile: file(t, "a.css", `a{background:url( "https://a.example/x.png")}`)}, "css_file: loads something by url("},
		"its own pictures":     {PagesConfig{CSSFile: file(t, "a.css", `a{background:url("data:image/png;base64,x");fill:url(#a)}`)}, ""},
		"no text":              {PagesConfig{CSSFile: file(t, "a.css", "\xff\xfe")}, "css_file: is not a text in UTF-8"},
		"support over http":    {PagesConfig{SupportURL: "http://a.example"}, "support_url: is not an https address"},
		"support by script":    {PagesConfig{SupportURL: "javascript:alert(1)"}, "support_url: is not an https address"},
		"a path":               {PagesConfig{ErrorURL: "/error?a=b#/c"}, ""},
		"our address":          {PagesConfig{ErrorURL: "https://music.example/error"}, ""},
		"an allowed one":       {PagesConfig{ErrorURL: "https://app.example/#/error"}, ""},
		"another's":            {PagesConfig{ErrorURL: "https://evil.example/"}, "error_url: leads to a place that is not the app's"},
		"another's host":       {PagesConfig{ErrorURL: "//evil.example/"}, "error_url: leads to a place"},
		"a backslash":          {PagesConfig{ErrorURL: `/\evil.example`}, "error_url: is not an address"},
		"a user":               {PagesConfig{ErrorURL: "https://music.example@evil.example/"}, "error_url: is not an address"},
		"a word":               {PagesConfig{ErrorURL: "error"}, "error_url: leads to a place"},
		"the gateway itself":   {PagesConfig{ErrorURL: "/x/../auth/login"}, "error_url: leads to the gateway itself"},
	} {
		var got []string
		test.config.Validate(origins, func(field, problem string) { got = append(got, field+": "+problem) })
		if text := strings.Join(got, "; "); !strings.HasPrefix(text, test.want) || test.want == "" && text != "" || len(got) > 1 {
			t.Errorf("%s: got %q, want %q", name, text, test.want)
		}
	}
}

// Whatever the accent, what stands on it and what is written in it can be read, on light and on dark.
func TestAccentCanBeRead(t *testing.T) {
	steps := []float64{0, 51, 102, 119, 153, 204, 255}
	for _, red := range steps {
		for _, green := range steps {
			for _, blue := range steps {
				accent := colour{red, green, blue}
				hover := accent.towards(inkOn(inkOn(accent)), 0.12)
				for what, got := range map[string]float64{
					"ink on it": contrast(inkOn(accent), accent), "ink under a pointer": contrast(inkOn(accent), hover),
					"a link on light": contrast(accent.readableOn(lightSurface), lightSurface),
					"a link on dark":  contrast(accent.readableOn(darkSurface), darkSurface),
				} {
					if got < readable {
						t.Errorf("%v: %s has the contrast %.2f", accent, what, got)
					}
				}
			}
		}
	}
	if got := (colour{0, 0x44, 0xcc}).readableOn(lightSurface); got.String() != "#0044cc" {
		t.Errorf("a readable colour became %v", got)
	}
	for text, surface := range map[string]colour{"--surface: #fff;": lightSurface, "--surface: #1a1630;": darkSurface} {
		if !strings.Contains(PageCSS, text) {
			t.Errorf("page.css does not write on %v", surface)
		}
	}
}

func TestErrorURL(t *testing.T) {
	p := newPages(t, PagesConfig{ErrorURL: "https://app.example/oops?a=1&reason=x#/b"})
	w := navigate(p, "/api/x?code=secret", New(StoreUnavailable, "Wait.", nil))
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://app.example/oops?a=1&reason=STORE_UNAVAILABLE&request_id=id-1#/b" ||
		w.Header().Get(ReasonHeader) != StoreUnavailable || w.Header().Get("Cache-Control") != "no-store" ||
		w.Header().Get("Referrer-Policy") != "no-referrer" || w.Body.Len() != 0 {
		t.Errorf("answered %d %v %s", w.Code, w.Header(), w.Body)
	}
	for name, target := range map[string]string{
		"the page itself": "/oops", "with a slash": "/oops/", "and a query": "/oops?reason=a", "spelled otherwise": "/%6fops",
		"where the page leads": "/elsewhere?reason=a&request_id=b",
	} {
		if w := navigate(p, target, New(UpstreamUnreachable, "Down.", nil)); w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "<h1>") {
			t.Errorf("%s: answered %d %v", name, w.Code, w.Header())
		}
	}
	r, w := httptest.NewRequest(http.MethodGet, "/api/x", nil), httptest.NewRecorder()
	p.Write(w, r, New(LoginRequired, "Log in.", nil), "id-1")
	if w.Code != http.StatusUnauthorized || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("a script is answered %d %v", w.Code, w.Header())
	}
	w = httptest.NewRecorder()
	p.Write(w, r, OnPage(New(AccessDenied, "No.", nil)), "id-1")
	if w.Code != http.StatusSeeOther {
		t.Errorf("on a page of its own, answered %d", w.Code)
	}
	if got := navigate(newPages(t, PagesConfig{ErrorURL: "/oops"}), "/x", New(PathRefused, "No.", nil)).Header().Get("Location"); got != "/oops?reason=PATH_REFUSED&request_id=id-1" {
		t.Errorf("a path becomes %s", got)
	}
}

// The link to the start leads to where a login came from.
func TestHome(t *testing.T) {
	for home, want := range map[string]string{
		"": "/", "/": "/", "https://app.example/": "https://app.example/", "javascript:alert(1)": "/", "//evil.example": "/", `/\evil.example`: "/",
	} {
		e := New(AccessDenied, "No.", nil)
		e.Home = home
		if body := pageFor(e); !strings.Contains(body, `<a href="`+want+`">Back to the start</a>`) {
			t.Errorf("%q: the page is %s", home, body)
		}
	}
}

package simulator

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var (
	pages   = template.Must(template.New("").Funcs(template.FuncMap{"head": headData}).ParseFS(pageFiles, "pages/*.html"))
	pageCSS = mustRead("pages/page.css")
)

func mustRead(name string) string {
	text, err := pageFiles.ReadFile(name)
	if err != nil { // it is embedded
		panic(err)
	}
	return string(text)
}

// headData is what the template "head" takes.
func headData(css template.CSS, title string) map[string]any {
	return map[string]any{"CSS": css, "Title": title}
}

// notePage is a page that only says something.
type notePage struct{ Title, Text string }

// consentPage is what the consent page shows and sends back.
type consentPage struct {
	App, Target string
	Scopes      []string // sentences
	Users       []*User
	Hidden      []hiddenField
}

type hiddenField struct{ Name, Value string }

// writeConsent shows the consent page. It is shown at every login, so that another sample user can be chosen: Spotify
// would skip it when show_dialog is off and the user has agreed before.
func (s *Server) writeConsent(w http.ResponseWriter, a authorization, params url.Values) {
	data := consentPage{App: a.client.title(), Users: s.order}
	for _, scope := range a.scopes {
		data.Scopes = append(data.Scopes, scopes[scope])
	}
	slices.Sort(data.Scopes)
	for name, values := range params {
		if name != "user" && name != "decision" {
			data.Hidden = append(data.Hidden, hiddenField{name, values[0]})
		}
	}
	slices.SortFunc(data.Hidden, func(a, b hiddenField) int { return strings.Compare(a.Name, b.Name) })
	data.Target, _, _ = strings.Cut(a.redirectURI, "?")
	render(w, http.StatusOK, "consent.html", data, "'self' "+formTarget(a.redirectURI))
}

// formTarget is the CSP source of a redirect URI: form-action also judges where the form's answer redirects to (CSP
// level 3, section 6.4.2). CSP cannot name an IPv6 address, so for one it is the scheme.
func formTarget(redirectURI string) string {
	u, err := url.Parse(redirectURI)
	if err != nil { // it was registered
		return "'none'"
	}
	if strings.Contains(u.Hostname(), ":") {
		return u.Scheme + ":"
	}
	return u.Scheme + "://" + u.Host
}

func (s *Server) writePage(w http.ResponseWriter, status int, note notePage) {
	render(w, status, "note.html", note, "'none'")
}

// index is the page at /.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		s.writePage(w, http.StatusMethodNotAllowed, notePage{Title: "That does not work here", Text: "The index page takes GET."})
		return
	}
	type app struct{ Title, ID, Kind string }
	data := struct {
		Origin  string
		Apps    []app
		Users   []*User
		Presets []string
	}{Origin: origin(r), Users: s.order, Presets: PresetNames()}
	for _, c := range s.options.Clients {
		kind := "confidential"
		if c.public() {
			kind = "public, PKCE"
		}
		data.Apps = append(data.Apps, app{c.title(), c.ID, kind})
	}
	render(w, http.StatusOK, "index.html", data, "'none'")
}

// open stands in for open.spotify.com.
func (s *Server) open(w http.ResponseWriter, _ *http.Request) {
	s.writePage(w, http.StatusOK, notePage{
		Title: "This would open in Spotify",
		Text:  "The music is invented, so there is nothing to hear. Go back to the app.",
	})
}

// render writes a page with its one style sheet, which the policy names by its hash.
func render(w http.ResponseWriter, status int, name string, data any, formAction string) {
	var body bytes.Buffer
	err := pages.ExecuteTemplate(&body, name, map[string]any{"CSS": template.CSS(pageCSS), "Page": data})
	if err != nil { // the templates are fixed and a buffer takes every write
		panic(err)
	}
	sum := sha256.Sum256([]byte(pageCSS))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+formAction)
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // a client that left needs no answer
}

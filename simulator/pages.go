package simulator

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

//go:embed page.css
var pageCSS string

// faviconSVG is the lamp above a stage door, switched off: this is not the stage.
//
//go:embed favicon.svg
var faviconSVG []byte

func favicon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Cache-Control", "max-age=86400")
	_, _ = w.Write(faviconSVG) // a client that left needs no answer
}

// messagePage is a page that only says something.
type messagePage struct{ Title, Text string }

func (s *Server) writePage(w http.ResponseWriter, status int, message messagePage) {
	writeDocument(w, status, "'none'", message.Title, html.Main(html.H1(g.Text(message.Title)), html.P(g.Text(message.Text))))
}

// open stands in for open.spotify.com.
func (s *Server) open(w http.ResponseWriter, _ *http.Request) {
	s.writePage(w, http.StatusOK, messagePage{
		Title: "This would open in Spotify",
		Text:  "The music is invented, so there is nothing to hear. Go back to the app.",
	})
}

// writeDocument writes a page with its one style sheet, which the policy names by its hash.
func writeDocument(w http.ResponseWriter, status int, formAction, title string, main g.Node) {
	var body bytes.Buffer
	if err := document(title, main).Render(&body); err != nil { // a buffer takes every write
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

// document is a page under the banner that every page of the simulator has.
func document(title string, main g.Node) g.Node {
	return html.Doctype(html.HTML(html.Lang("en"),
		html.Head(
			html.Meta(html.Charset("utf-8")),
			html.Meta(html.Name("viewport"), html.Content("width=device-width, initial-scale=1")),
			html.Meta(html.Name("robots"), html.Content("noindex")),
			html.Link(html.Rel("icon"), html.Type("image/svg+xml"), html.Href("/_simulator/favicon.svg")),
			html.TitleEl(g.Text(title+" · Simulator")),
			html.StyleEl(g.Raw(pageCSS)),
		),
		html.Body(
			html.Header(html.Class("banner"), g.Text("This is a simulator, not Spotify. Its people and its music are invented.")),
			main,
		),
	))
}

// literal is a text that is meant letter by letter.
func literal(text string) g.Node { return html.Code(g.Text(text)) }

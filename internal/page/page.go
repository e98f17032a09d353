// Package page is the frame of the gateway's own pages: a document that brings along all that it needs, under a policy that
// refuses everything else. The text of a page is always escaped.
package page

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

// Parts are what pages of one kind have in common. Their texts go into the page as they are, so they come from our own files,
// or were checked not to leave the element that they stand in.
type Parts struct {
	// CSS is the one style sheet.
	CSS string
	// Images is where pictures may come from, as a source of a Content-Security-Policy; empty means nowhere.
	Images string
	// Script is the one script; empty means none.
	Script string
	// Connect is where the script may send requests, as a source of a Content-Security-Policy; empty means nowhere.
	Connect string
	// FormAction is where forms may lead, redirects included, as sources of a Content-Security-Policy; empty means nowhere.
	FormAction string
	// Head is what the head has beyond what every page's has; nil means nothing.
	Head g.Node
}

// Frame is what pages of one kind are written in. It is immutable, so that many goroutines may write pages in it.
type Frame struct {
	parts  Parts
	policy string
}

// New makes a frame.
func New(p Parts) *Frame { return &Frame{parts: p, policy: p.policy()} }

// Write answers with a page, and with the header that keeps it in its place.
func (f *Frame) Write(w http.ResponseWriter, r *http.Request, status int, title string, body ...g.Node) {
	var document bytes.Buffer
	if err := f.parts.document(title, body).Render(&document); err != nil { // a buffer takes every write
		panic(err)
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(document.Len()))
	header.Set("Content-Security-Policy", f.policy)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = document.WriteTo(w) // a client that left needs no answer
	}
}

// document is a whole page.
func (p Parts) document(title string, body g.Group) g.Node {
	return html.Doctype(html.HTML(html.Lang("en"),
		html.Head(
			html.Meta(html.Charset("utf-8")),
			html.Meta(html.Name("viewport"), html.Content("width=device-width, initial-scale=1")),
			html.Meta(html.Name("color-scheme"), html.Content("light dark")),
			html.Meta(html.Name("robots"), html.Content("noindex")),
			p.Head,
			html.TitleEl(g.Text(title)),
			html.StyleEl(g.Raw(p.CSS)),
		),
		html.Body(body, g.If(p.Script != "", html.Script(g.Raw(p.Script)))),
	))
}

// Policy is the Content-Security-Policy of the pages.
func (f *Frame) Policy() string { return f.policy }

// policy allows the style sheet and the script by their hashes, and nothing else (CSP level 3, section 8.3).
func (p Parts) policy() string {
	policy := "default-src 'none'; style-src '" + HashSource(p.CSS) + "'"
	if p.Images != "" {
		policy += "; img-src " + p.Images
	}
	if p.Script != "" {
		policy += "; script-src '" + HashSource(p.Script) + "'"
	}
	if p.Connect != "" {
		policy += "; connect-src " + p.Connect
	}
	return policy + "; base-uri 'none'; form-action " + cmp.Or(p.FormAction, "'none'") + "; frame-ancestors 'none'"
}

// HashSource names an inline style or script in a Content-Security-Policy by its hash (CSP level 3, section 2.3.1).
func HashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

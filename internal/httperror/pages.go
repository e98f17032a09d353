package httperror

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"

	"stagedoor/internal/page"
)

// Pages are the gateway's own pages in the look of one configuration. They are immutable, so that many goroutines may write
// them. DefaultPages and NewPages make them.
type Pages struct {
	parts   page.Parts  // what the pages of all frames have
	frame   *page.Frame // of pages with text alone
	name    string      // of the app; may be empty
	support string      // where people get help; may be empty
	picture g.Node      // above the text
	done    g.Node      // the same where something is done
	errors  *url.URL    // where navigations that fail are sent; nil: nowhere
}

// DefaultPages are those of a configuration without pages.
func DefaultPages() *Pages {
	pages, err := NewPages(PagesConfig{})
	if err != nil { // it reads no file
		panic(err)
	}
	return pages
}

// NewPages reads the files of a configuration that Validate has nothing against.
func NewPages(c PagesConfig) (*Pages, error) {
	p := &Pages{name: c.Name, support: c.SupportURL, picture: g.Raw(PageSVG), done: g.Raw(openDoorSVG), parts: page.Parts{CSS: PageCSS}}
	if c.Accent != "" {
		accent, err := parseColour(c.Accent)
		if err != nil {
			return nil, fmt.Errorf("pages.accent: %w", err)
		}
		p.parts.CSS += accentCSS(accent)
	}
	if c.LogoFile != "" {
		kind, logo, err := readLogo(c.LogoFile)
		if err != nil {
			return nil, fmt.Errorf("pages.logo_file: %w", err)
		}
		data := "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(logo)
		p.picture = html.Div(html.Class("logo"), html.Img(html.Src(data), html.Alt(c.Name)))
		p.done = p.picture
	}
	if c.CSSFile != "" {
		css, err := readCSS(c.CSSFile)
		if err != nil {
			return nil, fmt.Errorf("pages.css_file: %w", err)
		}
		p.parts.CSS += css
	}
	if c.LogoFile != "" || c.CSSFile != "" {
		p.parts.Images = "data:"
	}
	if c.ErrorURL != "" {
		var err error
		if p.errors, err = url.Parse(c.ErrorURL); err != nil {
			return nil, fmt.Errorf("pages.error_url: %w", err)
		}
	}
	p.frame = page.New(p.parts)
	return p, nil
}

// Frame makes a frame for pages of this look that need more than text: of its own parts and those of all pages.
func (p *Pages) Frame(own page.Parts) *page.Frame {
	own.CSS, own.Images = p.parts.CSS, p.parts.Images
	return page.New(own)
}

// Title is the title of a page's document.
func (p *Pages) Title(title string) string {
	if p.name == "" {
		return title
	}
	return title + " · " + p.name
}

// Body is what a page says.
type Body struct {
	Title string
	// Text stands below the headline, and Small below the ways on; nil is nothing.
	Text, Small g.Node
	// Links are ways on; the one to the start comes behind them.
	Links []g.Node
	// Home is where the link to the start leads, as Error.Home.
	Home string
	// Done says that nothing is wrong.
	Done bool
}

// Main is the whole of a page below the frame.
func (p *Pages) Main(b Body) g.Node {
	start := "Back to the start"
	if p.name != "" {
		start = "Back to " + p.name
	}
	picture := p.picture
	if b.Done {
		picture = p.done
	}
	return html.Main(picture, html.Div(html.Class("text"),
		html.H1(g.Text(b.Title)),
		b.Text,
		html.Nav(g.Group(b.Links), html.A(html.Href(safeHome(b.Home)), g.Text(start))),
		b.Small,
		g.If(p.support != "", html.P(html.Class("help"), html.A(html.Href(p.support), html.Rel("noreferrer"), g.Text("Get help")))),
	))
}

// safeHome is an address that a link may have: escaping does not make a javascript: URL harmless.
func safeHome(address string) string {
	u, err := url.Parse(address)
	if err != nil || !strings.HasPrefix(address, "/") && u.Scheme != "https" && u.Scheme != "http" {
		return "/"
	}
	if address == "" || strings.HasPrefix(address, "//") || strings.Contains(address, `\`) {
		return "/"
	}
	return address
}

// Write answers with err: where the Error says so or the request is a navigation (Fetch Metadata's Sec-Fetch-Dest: document)
// with a page, or by sending the browser to the app's own; else with JSON. The id is the request's.
func (p *Pages) Write(w http.ResponseWriter, r *http.Request, err error, id string) {
	e := From(err)
	if !e.Page && r.Header.Get("Sec-Fetch-Dest") != "document" {
		writeJSON(w, e)
		return
	}
	setHeader(w.Header(), e)
	if p.handsOver(r) {
		w.Header().Set("Location", p.errorAddress(e.Reason, id))
		w.Header().Set("Referrer-Policy", "no-referrer") // the address may be a callback's
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	p.writePage(w, r, e)
}

// handsOver tells whether the app shows its own page for an error of a request. The app's page itself gets ours: sent there
// again, a browser would turn in a circle. So does what already carries an error's parameters.
func (p *Pages) handsOver(r *http.Request) bool {
	if p.errors == nil || path.Clean("/"+r.URL.Path) == path.Clean("/"+p.errors.Path) {
		return false
	}
	query := r.URL.Query()
	return !query.Has(reasonParam) || !query.Has(requestIDParam)
}

// The parameters of the app's page for errors.
const (
	reasonParam    = "reason"
	requestIDParam = "request_id"
)

func (p *Pages) errorAddress(reason, id string) string {
	address := *p.errors
	query := address.Query()
	query.Set(reasonParam, reason)
	query.Set(requestIDParam, id)
	address.RawQuery = query.Encode()
	return address.String()
}

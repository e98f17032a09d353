package httperror

import (
	"cmp"
	_ "embed"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	"maragu.dev/gomponents/html"
)

var (
	// PageCSS is the style sheet of the pages that visitors see.
	//
	//go:embed page.css
	PageCSS string
	// PageSVG is the picture above the text.
	//
	//go:embed door.svg
	PageSVG string
	// openDoorSVG is the picture of what has been done.
	//
	//go:embed opendoor.svg
	openDoorSVG string
)

// titles are what a page calls a reason.
var titles = map[string]string{
	LoginRequired:            "Please log in",
	ReauthorizationRequired:  "Please log in again",
	InsufficientScope:        "More permission is needed",
	UserNotRegistered:        "This account is not on the list yet",
	CrossOriginRefused:       "This request came from another site",
	PathRefused:              "Nothing here",
	MethodRefused:            "That does not work here",
	BodyTooLarge:             "That was too large",
	RateLimited:              "Too many requests",
	QuotaExceeded:            "This app has used up its calls",
	NotCached:                "Nothing is kept",
	StoreUnavailable:         "Sessions cannot be reached right now",
	TokenEndpointUnavailable: "Spotify's login cannot be reached right now",
	ClientMisconfigured:      "This app is not set up correctly",
	UpstreamUnreachable:      "Spotify cannot be reached right now",
	UpstreamTimeout:          "Spotify took too long",
	Overloaded:               "Too many visitors right now",
	Maintenance:              "Back soon",
	ClientRate:               "That was very fast",
	InvalidRequest:           "Please begin again",
	AccessDenied:             "You said no, and that is fine",
	InternalError:            "Something went wrong",
}

// WriteNotice answers with a page that says what has been done, and what comes then.
func (p *Pages) WriteNotice(w http.ResponseWriter, r *http.Request, title, message, then string) {
	p.frame.Write(w, r, http.StatusOK, p.Title(title), p.Main(Body{
		Title: title, Text: g.Group{html.P(g.Text(message)), html.P(html.Class("wait"), g.Text(then))}, Done: true,
	}))
}

func (p *Pages) writePage(w http.ResponseWriter, r *http.Request, e *Error) {
	title := cmp.Or(e.Title, titles[e.Reason])
	p.frame.Write(w, r, e.Status, p.Title(title), p.Main(Body{
		Title: title,
		Text:  g.Group{html.P(g.Text(e.Message)), waitLine(e.RetryAfter)},
		Small: html.P(html.Class("code"), g.Textf("%d %s", e.Status, e.Reason)),
		Links: []g.Node{loginLink(e)},
		Home:  e.Home,
	}))
}

func waitLine(wait time.Duration) g.Node {
	words := waitInWords(wait)
	if words == "" {
		return nil
	}
	return html.P(html.Class("wait"), g.Text("It is worth another try in "+words+"."))
}

// loginLink is the link to a login, or a step-up, when one helps. Escaping does not make a javascript: URL harmless, so only
// the address where logins begin becomes a link.
func loginLink(e *Error) g.Node {
	if path, _, _ := strings.Cut(e.LoginURL, "?"); path != loginPath {
		return nil
	}
	text := "Log in"
	if e.Reason == InsufficientScope {
		text = "Allow it"
	}
	return html.A(html.Href(e.LoginURL), g.Text(text))
}

// waitInWords says how long to wait, rounded up. A wait that is over before the page is read is not worth a word.
func waitInWords(wait time.Duration) string {
	switch seconds := math.Ceil(wait.Seconds()); {
	case seconds < 5:
		return ""
	case seconds < 100:
		return strconv.Itoa(int(seconds)) + " seconds"
	case seconds < 100*60:
		return strconv.Itoa(int(math.Ceil(seconds/60))) + " minutes"
	default:
		return strconv.Itoa(int(math.Ceil(seconds/3600))) + " hours"
	}
}

package httperror

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"time"
)

// PageCSS is the one style sheet of the gateway's pages.
//
//go:embed page.css
var PageCSS string

//go:embed page.html
var pageHTML string

var (
	page = template.Must(template.New("page").Parse(pageHTML))
	// pageCSP allows the page's one style sheet by its hash, and nothing else (CSP level 3, section 8.3).
	pageCSP = "default-src 'none'; style-src '" + HashSource(PageCSS) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// HashSource names an inline style or script in a Content-Security-Policy by its hash (CSP level 3, section 2.3.1).
func HashSource(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

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
	StoreUnavailable:         "Sessions cannot be reached right now",
	TokenEndpointUnavailable: "Spotify's login cannot be reached right now",
	ClientMisconfigured:      "This app is not set up correctly",
	UpstreamUnreachable:      "Spotify cannot be reached right now",
	UpstreamTimeout:          "Spotify took too long",
	InvalidRequest:           "Please begin again",
	AccessDenied:             "You said no, and that is fine",
	InternalError:            "Something went wrong",
}

// WritePage answers with err as a page, whatever the request looks like: a title, a sentence and a way on.
func WritePage(w http.ResponseWriter, r *http.Request, err error) {
	e := From(err)
	record(r.Context(), e)
	setHeader(w.Header(), e)
	writePage(w, r.Method, titles[e.Reason], e)
}

// WriteNotice answers with a page that says what has been done.
func WriteNotice(w http.ResponseWriter, r *http.Request, title, message string) {
	writePage(w, r.Method, title, &Error{Status: http.StatusOK, Message: message})
}

func writePage(w http.ResponseWriter, method, title string, e *Error) {
	var body bytes.Buffer
	if err := page.Execute(&body, map[string]any{
		"Title": title, "Error": e, "Wait": waitInWords(e.RetryAfter), "CSS": template.CSS(PageCSS),
	}); err != nil { // the template is fixed and a buffer takes every write
		panic(err)
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pageCSP)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(e.Status)
	if method != http.MethodHead {
		_, _ = body.WriteTo(w) // a client that left needs no answer
	}
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

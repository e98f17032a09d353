package httperror

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
)

//go:embed page.css
var pageCSS string

//go:embed page.html
var pageHTML string

var (
	page = template.Must(template.New("page").Parse(pageHTML))
	// pageCSP allows the page's one style sheet by its hash, and nothing else (CSP level 3, section 8.3).
	pageCSP = "default-src 'none'; style-src '" + hashSource(pageCSS) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func hashSource(text string) string {
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
	InvalidRequest:           "This request cannot be understood",
	AccessDenied:             "You said no, and that is fine",
	InternalError:            "Something went wrong",
}

// WritePage answers with err as a page, whatever the request looks like: a title, a sentence and a way on.
func WritePage(w http.ResponseWriter, r *http.Request, err error) {
	e := From(err)
	record(r.Context(), e)
	var body bytes.Buffer
	if err := page.Execute(&body, map[string]any{
		"Title": titles[e.Reason], "Error": e, "CSS": template.CSS(pageCSS),
	}); err != nil { // the template is fixed and a buffer takes every write
		panic(err)
	}
	setHeader(w.Header(), e)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", pageCSP)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(e.Status)
	if r.Method != http.MethodHead {
		_, _ = body.WriteTo(w) // a client that left needs no answer
	}
}

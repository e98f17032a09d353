package httperror

import (
	"net/http"
	"net/url"
	"strings"
)

// StepUp is the answer to a call that lacks scopes: it names them, where they are known, and the login that asks for them
// and comes back to the page that made the call. public is the origin of the gateway's own pages.
func StepUp(r *http.Request, public *url.URL, message string, missing []string) *Error {
	e := New(InsufficientScope, message, nil)
	e.MissingScopes = missing
	query := url.Values{}
	if len(missing) > 0 {
		query.Set("scope", strings.Join(missing, " "))
	}
	page, err := url.Parse(r.Referer())
	if err == nil && page.Scheme == public.Scheme && page.Host == public.Host && page.EscapedPath() != "" {
		query.Set("return_to", (&url.URL{Path: page.Path, RawPath: page.RawPath, RawQuery: page.RawQuery}).String())
	}
	e.LoginURL = loginPath
	if len(query) > 0 {
		e.LoginURL = loginPath + "?" + query.Encode()
	}
	return e
}

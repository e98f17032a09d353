package httperror

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// StepUp is the answer to a call that lacks scopes: it names them, where they are known, and the login that asks for them
// and comes back to the page that made the call: one of the public origin, or of another that is allowed.
func StepUp(r *http.Request, public *url.URL, allowed []string, message string, missing []string) *Error {
	e := New(InsufficientScope, message, nil)
	e.MissingScopes = missing
	query := url.Values{}
	if len(missing) > 0 {
		query.Set("scope", strings.Join(missing, " "))
	}
	if page, err := url.Parse(r.Referer()); err == nil && page.EscapedPath() != "" {
		local := (&url.URL{Path: page.Path, RawPath: page.RawPath, RawQuery: page.RawQuery}).String()
		switch origin := page.Scheme + "://" + page.Host; {
		case page.Scheme == public.Scheme && page.Host == public.Host:
			query.Set("return_to", local)
		case slices.Contains(allowed, origin):
			query.Set("return_to", origin+local)
		}
	}
	e.LoginURL = loginPath
	if len(query) > 0 {
		e.LoginURL = loginPath + "?" + query.Encode()
	}
	return e
}

package flows

import (
	"errors"
	"net/http"

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/session"
)

const loginPath = "/auth/login"

var loginEndpoint = endpoint{path: loginPath, methods: get, serve: (*Handler).login}

// login sends the browser to the consent page
// (https://developer.spotify.com/documentation/web-api/tutorials/code-flow).
func (h *Handler) login(w http.ResponseWriter, r *http.Request) error {
	if err := h.navigationsOnly(r); err != nil {
		return err
	}
	if h.redirectToPublicURL(w, r) {
		return nil
	}
	query := r.URL.Query() // what cannot be read is as good as absent: a strange return_to is "/"
	if err := atMostOnce(query, "return_to", "scope", "show_dialog"); err != nil {
		return err
	}
	scopes, err := h.scopesFor(r, query.Get("scope"))
	if err != nil {
		return err
	}
	begun := loginState{ReturnTo: returnTo(query.Get("return_to"), h.origins), Scopes: scopes, Replaces: h.sessions.Named(r)}
	return h.askForConsent(w, r, begun, query.Get("show_dialog") == "true")
}

// navigationsOnly rejects fetch(): a page must show the consent page to a person.
func (h *Handler) navigationsOnly(r *http.Request) error {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode == "" || mode == "navigate" {
		return nil
	}
	return httperror.New(httperror.InvalidRequest,
		"This is a page of its own: open it as a navigation (location.assign, a link), not with fetch().", nil)
}

// redirectToPublicURL redirects a browser that came by another name of this machine, and tells whether it did.
func (h *Handler) redirectToPublicURL(w http.ResponseWriter, r *http.Request) bool {
	if !strayedLoopback(h.public, r) {
		return false
	}
	w.Header().Set("Location", h.public.Scheme+"://"+h.public.Host+r.URL.RequestURI())
	w.WriteHeader(http.StatusFound)
	return true
}

// scopesFor adds what the request asks for to what is configured and to what the user has already granted, so that a step
// up never loses a scope.
func (h *Handler) scopesFor(r *http.Request, asked string) ([]string, error) {
	added := token.SplitScopes(asked)
	if err := CheckScopes(added); err != nil {
		return nil, httperror.New(httperror.InvalidRequest, err.Error(), nil)
	}
	current, err := h.sessions.Peek(r)
	switch {
	case current != nil: // a session with an ended grant had scopes, too
		return union(h.config.Scopes, current.Scopes(), added), nil
	case errors.Is(err, session.ErrStoreUnavailable):
		return nil, httperror.FromSession(err)
	default: // no session
		return union(h.config.Scopes, added), nil
	}
}

package flows

import (
	"net/http"
	"net/url"

	"stagedoor/internal/httperror"
)

const verifyPath = "/auth/verify"

// The rule does not apply to verify: its headers are those of the proxy that asks.
var verifyEndpoint = endpoint{path: verifyPath, methods: read, serve: (*Handler).verify}

// verify tells another proxy whether a user is logged in: nginx's auth_request, Traefik's ForwardAuth
// and Caddy's forward_auth pass a 2xx answer's headers on and give any other answer to the browser.
func (h *Handler) verify(w http.ResponseWriter, r *http.Request) error {
	current, err := h.sessions.Find(r)
	if err != nil {
		return httperror.FromSession(err)
	}
	w.Header().Set("X-Stagedoor-User", url.PathEscape(current.User().ID)) // an id may hold what a header may not
	w.WriteHeader(http.StatusNoContent)
	return nil
}

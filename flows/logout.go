package flows

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"stagedoor/internal/httperror"
)

const logoutPath = "/auth/logout"

var logoutEndpoint = endpoint{path: logoutPath, methods: post, serve: countLogouts((*Handler).logout)}

// logout ends the session of this browser, or all sessions of its user.
func (h *Handler) logout(w http.ResponseWriter, r *http.Request) error {
	query, err := params(r, "everywhere")
	if err != nil {
		return err
	}
	everywhere, err := strconv.ParseBool(query.Get("everywhere"))
	if err != nil && query.Has("everywhere") { // ending fewer sessions than requested would be a false success
		return httperror.New(httperror.InvalidRequest, "Write everywhere=true, or leave it out.", err)
	}
	if err := h.sessions.End(w, r, everywhere); err != nil {
		return httperror.FromSession(err)
	}
	if fromForm(r) {
		w.Header().Set("Location", "/")
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// fromForm tells whether a form has sent the request, so that a person waits for a page, and not a script.
func fromForm(r *http.Request) bool {
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // an unreadable media type is not a form's
	return kind == "application/x-www-form-urlencoded" || kind == "multipart/form-data" ||
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

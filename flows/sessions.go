package flows

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

const (
	sessionsPath   = "/auth/sessions"
	endSessionPath = "/auth/sessions/" // and a handle
)

var (
	sessionsEndpoint   = endpoint{path: sessionsPath, methods: read, guardReads: true, serve: (*Handler).listSessions}
	endSessionEndpoint = endpoint{
		path: endSessionPath, methods: deleteOne, guardReads: true, serve: countLogouts((*Handler).endSession),
	}
)

type ownSession struct {
	Handle     string `json:"handle"`
	CreatedAt  string `json:"created_at"`
	LastSeenAt string `json:"last_seen_at"`
	UserAgent  string `json:"user_agent"`
	Current    bool   `json:"current"`
}

// listSessions tells a user where they are logged in.
func (h *Handler) listSessions(w http.ResponseWriter, r *http.Request) error {
	current, err := h.sessions.Peek(r)
	if err != nil {
		return httperror.FromSession(err)
	}
	own, err := h.sessions.Sessions(r.Context(), current.User().ID)
	if err != nil {
		return httperror.FromSession(err)
	}
	list := make([]ownSession, 0, len(own)) // [] rather than null
	for _, s := range own {
		list = append(list, ownSession{
			Handle: s.Handle, UserAgent: s.UserAgent, Current: s.Handle == current.Handle(),
			CreatedAt: s.CreatedAt.UTC().Format(time.RFC3339), LastSeenAt: s.LastSeenAt.UTC().Format(time.RFC3339),
		})
	}
	return writeJSON(w, r, map[string][]ownSession{"sessions": list})
}

// endSession ends one of the user's own sessions.
func (h *Handler) endSession(w http.ResponseWriter, r *http.Request) error {
	current, err := h.sessions.Peek(r)
	if err != nil {
		return httperror.FromSession(err)
	}
	handle := strings.TrimPrefix(r.URL.Path, endSessionPath)
	if handle == current.Handle() {
		if err := h.sessions.End(w, r, false); err != nil {
			return httperror.FromSession(err)
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	err = h.sessions.EndSession(r.Context(), current.User().ID, handle)
	if errors.Is(err, session.ErrNoSession) {
		return httperror.New(httperror.PathRefused, "You have no such session; GET /auth/sessions lists those that you have.", err)
	}
	if err != nil {
		return httperror.FromSession(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

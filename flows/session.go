package flows

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

const sessionPath = "/auth/session"

var sessionEndpoint = endpoint{path: sessionPath, methods: read, guardReads: true, serve: (*Handler).session}

// anonymousStatus and userStatus are the two answers of GET /auth/session.
type (
	anonymousStatus struct {
		Authenticated bool   `json:"authenticated"`
		LoginURL      string `json:"login_url"`
		Reason        string `json:"reason"`
	}
	userStatus struct {
		Authenticated    bool       `json:"authenticated"`
		User             statusUser `json:"user"`
		Scopes           []string   `json:"scopes"`
		SessionExpiresAt string     `json:"session_expires_at"`
		ReauthorizeBy    string     `json:"reauthorize_by"`
		LoginURL         string     `json:"login_url"`
		LogoutURL        string     `json:"logout_url"`
	}
	statusUser struct {
		ID          string  `json:"id"`
		AccountID   string  `json:"account_id"`
		DisplayName string  `json:"display_name"`
		Image       *string `json:"image"` // null when there is none
	}
)

// session tells a page which user is logged in. The answer never has a token and does not count as use of the session.
func (h *Handler) session(w http.ResponseWriter, r *http.Request) error {
	current, err := h.sessions.Peek(r)
	switch {
	case err == nil:
		return writeJSON(w, r, statusOf(current))
	case errors.Is(err, session.ErrNoSession), errors.Is(err, session.ErrReauthorize):
		reason := httperror.From(httperror.FromSession(err)).Reason
		return writeJSON(w, r, anonymousStatus{LoginURL: loginPath, Reason: reason})
	default:
		return httperror.FromSession(err)
	}
}

func statusOf(s *session.Session) userStatus {
	user := s.User()
	status := userStatus{
		Authenticated:    true,
		User:             statusUser{ID: user.ID, AccountID: user.AccountID, DisplayName: user.DisplayName},
		Scopes:           append([]string{}, s.Scopes()...), // [] rather than null
		SessionExpiresAt: s.ExpiresAt().UTC().Format(time.RFC3339),
		ReauthorizeBy:    s.ReauthorizeBy().UTC().Format(time.RFC3339),
		LoginURL:         loginPath,
		LogoutURL:        logoutPath,
	}
	if user.Image != "" {
		status.User.Image = &user.Image
	}
	return status
}

func writeJSON(w http.ResponseWriter, r *http.Request, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return writeBody(w, r, "application/json", body)
}

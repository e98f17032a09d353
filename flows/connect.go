package flows

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"stagedoor/httperror"
	"stagedoor/session"
)

// ticketParam carries the ticket in the query, which no log line has.
const ticketParam = "ticket"

// ConnectLink makes a one-time link below the public URL: whoever opens it and consents becomes the shared account. The
// scopes are what the account will be asked for.
func ConnectLink(ctx context.Context, sessions *session.Manager, publicURL, account string, scopes []string) (string, error) {
	note, err := json.Marshal(loginNote{Account: account, Scopes: scopes})
	if err != nil {
		return "", err
	}
	ticket, err := sessions.IssueTicket(ctx, note)
	if err != nil {
		return "", err
	}
	return publicURL + connectPath + "?" + url.Values{ticketParam: {ticket.Reveal()}}.Encode(), nil
}

// connect sends the owner of a shared account to the consent page. It always shows: the owner shall see who they are.
func (h *Handler) connect(w http.ResponseWriter, r *http.Request) error {
	if err := h.navigationsOnly(r); err != nil {
		return err
	}
	if h.bringHome(w, r) {
		return nil
	}
	query, err := params(r, ticketParam)
	if err != nil {
		return err
	}
	plain, err := h.sessions.TakeTicket(r.Context(), query.Get(ticketParam))
	if errors.Is(err, session.ErrNoAttempt) {
		return httperror.New(httperror.InvalidRequest,
			"This link has been used or is older than ten minutes. Make another with `stagedoor accounts connect`.", err)
	}
	if err != nil {
		return httperror.FromSession(err)
	}
	var note loginNote
	if err := json.Unmarshal(plain, &note); err != nil {
		return err
	}
	return h.askForConsent(w, r, note, true)
}

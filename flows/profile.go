package flows

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/secret"
	"stagedoor/session"
)

// maxProfile bounds the answer of GET /me, in bytes.
const maxProfile = 1 << 20

// Calls keeps the calls of the Web API within the app's limits. Its methods may be called concurrently; their errors, but
// for send's own, are an *httperror.Error.
type Calls interface {
	// Open returns an error while Spotify lets no call through, so that nothing is begun that needs one.
	Open() error
	// Call makes a call once it is its turn.
	Call(ctx context.Context, send func() (*http.Response, error)) (*http.Response, error)
}

// unlimited lets every call through.
type unlimited struct{}

func (unlimited) Open() error { return nil }

func (unlimited) Call(_ context.Context, send func() (*http.Response, error)) (*http.Response, error) {
	return send()
}

// profile asks Spotify for the user of a token
// (https://developer.spotify.com/documentation/web-api/reference/get-current-users-profile).
func (h *Handler) profile(ctx context.Context, token session.Token) (session.User, error) {
	ctx, cancel := context.WithTimeout(ctx, h.config.TokenTimeout)
	defer cancel()
	answer, err := h.getMe(ctx, token)
	var limited *httperror.Error
	if errors.As(err, &limited) {
		return session.User{}, limited
	}
	if err != nil {
		return session.User{}, noProfile(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxProfile))
	if err != nil {
		return session.User{}, noProfile(err)
	}
	if answer.StatusCode != http.StatusOK {
		return session.User{}, h.profileError(answer, string(body))
	}
	user, err := decodeProfile(body)
	if err != nil {
		return session.User{}, noProfile(err)
	}
	return user, nil
}

// getMe makes the call once it is its turn.
func (h *Handler) getMe(ctx context.Context, token session.Token) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(h.config.APIURL, "/")+"/me", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.Access.Reveal())
	request.Header.Set("Accept", "application/json")
	return h.calls.Call(ctx, func() (*http.Response, error) { return h.api.Do(request) })
}

// profileError explains an answer without a profile.
func (h *Handler) profileError(answer *http.Response, body string) error {
	if answer.StatusCode == http.StatusForbidden {
		if e := httperror.UserNotListed(body); e != nil {
			return e
		}
	}
	if answer.StatusCode == http.StatusUnauthorized && h.config.Flow == FlowImplicit { // the token came by way of the browser
		return restart(httperror.InvalidRequest, "Spotify does not accept the token of this login. Begin again.", nil)
	}
	if answer.StatusCode == http.StatusTooManyRequests {
		e := restart(httperror.RateLimited, "Spotify has had enough of this app's requests for now. Try again later.", nil)
		e.RetryAfter = max(token.RetryAfter(answer.Header, h.now()), retrySoon)
		return e
	}
	return noProfile(fmt.Errorf("GET /me answered %d", answer.StatusCode))
}

// noProfile keeps out of the log what the answer said: it may be the token that GET /me was shown.
func noProfile(cause error) error {
	reason := httperror.UpstreamUnreachable
	if errors.Is(cause, context.DeadlineExceeded) {
		reason = httperror.UpstreamTimeout
	}
	e := restart(reason, "Spotify agreed to the login but did not say who you are. Try again shortly.",
		errors.New(secret.WithoutQuotations(cause.Error())))
	e.Title = "Spotify could not finish this login"
	return e
}

func decodeProfile(body []byte) (session.User, error) {
	var me struct {
		ID          string `json:"id"`
		AccountID   string `json:"account_id"`
		DisplayName string `json:"display_name"`
		Images      []struct {
			URL string `json:"url"`
		} `json:"images"`
	}
	if err := json.Unmarshal(body, &me); err != nil {
		return session.User{}, fmt.Errorf("decode GET /me: %w", err)
	}
	user := session.User{ID: me.ID, AccountID: me.AccountID, DisplayName: me.DisplayName}
	if user.ID == "" {
		user.ID = user.AccountID
	}
	if user.AccountID == "" {
		user.AccountID = user.ID
	}
	if user.ID == "" {
		return session.User{}, errors.New("GET /me names no user")
	}
	if len(me.Images) > 0 {
		user.Image = me.Images[0].URL
	}
	return user, nil
}

package flows

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"stagedoor/internal/httperror"
	"stagedoor/session"
)

const tokenPath = "/auth/token"

var browserTokenEndpoint = endpoint{
	path: tokenPath, methods: post, serve: (*Handler).browserToken,
	enabled: func(o Options) bool { return o.BrowserTokens },
}

// streamingScope is what the Web Playback SDK needs, the one program that must have a token in the page
// (https://developer.spotify.com/documentation/web-playback-sdk).
const streamingScope = "streaming"

// browserTokenLife is the least lifetime that a token has left when a page gets it.
const browserTokenLife = 5 * time.Minute

// browserToken hands the page an access token, never a refresh token.
func (h *Handler) browserToken(w http.ResponseWriter, r *http.Request) error {
	current, err := h.sessions.Find(r)
	if err != nil {
		return httperror.FromSession(err)
	}
	if !slices.Contains(current.Scopes(), streamingScope) {
		return httperror.StepUp(r, h.public, h.origins, "This session may not play music in the page.", []string{streamingScope})
	}
	token, err := h.sessions.Token(r.Context(), current, browserTokenLife)
	if err == nil && h.dead(r.Context(), current, token) {
		token, err = h.sessions.Replace(r.Context(), current, token)
	}
	if err != nil {
		return httperror.FromSession(err)
	}
	life := token.Expiry.Sub(h.now())
	if life < browserTokenLife && h.config.Flow == FlowImplicit { // the grant gives no other token
		return httperror.FromSession(session.ErrReauthorize)
	}
	if life < browserTokenLife { // during an outage of the token endpoint the gateway uses such a token; a page should not
		return httperror.FromSession(&session.RefreshUnavailableError{Cause: fmt.Errorf("the token has only %v left", life)})
	}
	h.log.Info("audit", zap.String("event", "token"), zap.String("result", "ok"),
		zap.String("user", current.User().ID), zap.String("session", current.Label()))
	return writeJSON(w, r, map[string]any{
		"access_token": token.Access.Reveal(),
		"expires_in":   int(life.Seconds()),
		"scope":        strings.Join(token.Scopes, " "),
	})
}

// trialTime bounds the call that tries a token, because a player waits for it.
const trialTime = 3 * time.Second

// dead tells whether Spotify rejects a token that has not expired. A call of the Web API through this replica may have found that out.
// Another replica's findings are not known here; they matter while no refresh can be forced, so a token that has just taken the
// place of a rejected one is tried. Without an answer it counts as good.
func (h *Handler) dead(ctx context.Context, s *session.Session, token session.Token) bool {
	if h.sessions.IsRejected(s, token) {
		return true
	}
	if !s.ReplacedLately(h.now()) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	answer, err := h.getMe(ctx, token)
	if err != nil {
		return false
	}
	_ = answer.Body.Close() // only its status matters
	return answer.StatusCode == http.StatusUnauthorized
}

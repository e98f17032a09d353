package token

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"stagedoor/secret"
	"stagedoor/session"
)

const (
	// maxDescription bounds how much of an error's text goes to the log, in bytes.
	maxDescription = 200
	// longestRetryAfter bounds what an answer may ask for; Spotify's longest ban is a day.
	longestRetryAfter = 24 * time.Hour
)

// classify turns what x/oauth2 returns into the errors of package session. Only an OAuth error with an error's status says
// anything about the grant or the client; an outage may answer anything.
func (c *Client) classify(err error, sent ...secret.Text) error {
	sent = append(sent, c.secret, c.basicCredentials())
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) {
		return &session.RefreshUnavailableError{Cause: errors.New(Redact(secret.WithoutQuotations(err.Error()), sent))}
	}
	status := refused.Response.StatusCode
	cause := fmt.Errorf("the token endpoint answered %d %s", status,
		Redact(refused.ErrorCode+" "+refused.ErrorDescription, sent))
	if status == http.StatusBadRequest || status == http.StatusUnauthorized {
		switch refused.ErrorCode {
		case "invalid_grant":
			return fmt.Errorf("%w: %w", session.ErrGrantEnded, cause)
		case "invalid_client", "unauthorized_client":
			return fmt.Errorf("%w: %w", session.ErrClientMisconfigured, cause)
		}
	}
	return &session.RefreshUnavailableError{RetryAfter: RetryAfter(refused.Response.Header, c.now()), Cause: cause}
}

// basicCredentials is what the Authorization header carries of the client, as dialect writes it.
func (c *Client) basicCredentials() secret.Text {
	return secret.New(base64.StdEncoding.EncodeToString([]byte(c.oauth.ClientID + ":" + c.secret.Reveal())))
}

func unavailable(cause string) error {
	return &session.RefreshUnavailableError{Cause: errors.New(cause)}
}

// Redact makes a foreign text fit for the log: short, on one line, and without tokens.
func Redact(text string, sent []secret.Text) string {
	text = strings.ReplaceAll(secret.WithoutTokens(text, sent...), `"`, "'")
	if len(text) > maxDescription {
		text = text[:maxDescription]
	}
	return strings.Trim(strconv.Quote(strings.TrimSpace(text)), `"`)
}

// RetryAfter reads a Retry-After header (RFC 9110 section 10.2.3): seconds or a date. Zero means that it says nothing.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value != "" && strings.Trim(value, "0123456789") == "" {
		seconds, err := strconv.Atoi(value)
		if err != nil || seconds > int(longestRetryAfter/time.Second) { // or more than an int holds
			return longestRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return min(date.Sub(now), longestRetryAfter)
	}
	return 0
}

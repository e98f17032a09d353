package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// badTokenAnswer is how a token endpoint can go wrong with secrets in its mouth: those it was asked with, or new ones.
type badTokenAnswer struct {
	name string
	// answer makes it of the request and of the true answer, both as text.
	answer func(asked, good string) string
	// works tells that the caller gets its token nevertheless.
	works bool
}

var (
	aToken    = regexp.MustCompile(`"access_token":"([^"]*)"`)
	aLongWord = regexp.MustCompile(`([\w-]{40})[\w-]+`)
)

// badTokenAnswers end with the ones after which a gateway pauses for everybody.
func badTokenAnswers() []badTokenAnswer {
	text := func(asked, _ string) string { return asked }
	body := func(_, good string) string { return good[strings.Index(good, "\r\n\r\n")+4:] }
	token := func(_, good string) string {
		if found := aToken.FindStringSubmatch(good); found != nil {
			return found[1]
		}
		return "none"
	}
	// saying is an error of OAuth's that describes itself with what of tells.
	saying := func(status int, code string, of func(asked, good string) string) func(asked, good string) string {
		return func(asked, good string) string {
			description, _ := json.Marshal(of(asked, good)) // a string always encodes
			return object(status, fmt.Sprintf(`{"error":%q,"error_description":%s}`, code, description))
		}
	}
	head := func(of func(asked, good string) string, format string) func(asked, good string) string {
		return func(asked, good string) string { return fmt.Sprintf(format, of(asked, good)) }
	}
	return []badTokenAnswer{
		{"an error that echoes", saying(500, "server_error", text), false},
		{"an error that echoes the beginnings", saying(500, "server_error", func(asked, _ string) string {
			return aLongWord.ReplaceAllString(asked, "$1")
		}), false},
		{"an error that tells the tokens", saying(400, "invalid_request", body), false},
		{"an error that is a token", func(asked, good string) string {
			return object(400, fmt.Sprintf(`{"error":%q}`, token(asked, good)))
		}, false},
		{"a page that echoes", func(asked, _ string) string { return object(502, "<p>"+asked) }, false},
		{"no HTTP", head(body, "%s\r\n\r\n"), false},
		{"the request itself", text, false},
		{"a token for a status", head(token, "HTTP/1.1 %s OK\r\n\r\n"), false},
		{"a header without a colon", head(token, "HTTP/1.1 200 OK\r\nAuthorization Bearer %s\r\n\r\n"), false},
		{"a token for a length", head(token, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n"), false},
		{"a token for an encoding", head(token, "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n"), false},
		{"a bad redirect", head(token, "HTTP/1.1 302 Found\r\nLocation: http://[::1/?%s\r\nContent-Length: 0\r\n\r\n"), false},
		{"a token for a number", func(asked, good string) string {
			return object(200, fmt.Sprintf(`{"access_token":"x","expires_in":%q}`, token(asked, good)))
		}, false},
		{"the answer twice", func(_, good string) string { return good + good }, true},
		{"a grant that has ended and echoes", saying(400, "invalid_grant", text), false},
		{"a client that is wrong and echoes", saying(401, "invalid_client", text), false},
	}
}

func object(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), len(body), body)
}

// breakTokenCalls lets a refresh and a login go wrong in every way.
func (s *scene) breakTokenCalls() {
	s.t.Helper()
	if err := s.Spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		s.t.Fatal(err)
	}
	for i, broken := range badTokenAnswers() {
		s.Through(i % len(s.Replicas))
		member, newcomer := s.visitor(), s.visitor()
		member.Login("ben")
		s.Spotify.ExpireAccessTokens()
		var asked atomic.Int64
		well := s.tokens.answering(func(r *http.Request, text string) string {
			asked.Add(1)
			return broken.answer(text, spoken(s.Spotify, r))
		})
		refreshed, entered := member.Get("/api/me"), newcomer.Get("/auth/login")
		s.tokens.answering(well)
		worked := func(a stage.Answer) bool { return a.Status == http.StatusOK }
		if asked.Load() != 2 || worked(refreshed) != broken.works || worked(entered) != broken.works {
			s.t.Errorf("%s: %d calls, the refresh came to %d %s, the login to %d %s", broken.name, asked.Load(),
				refreshed.Status, refreshed.Reason(), entered.Status, entered.Reason())
		}
	}
	s.Through(-1)
	if err := s.Spotify.SetRefreshMode(simulator.RefreshKeep); err != nil {
		s.t.Fatal(err)
	}
}

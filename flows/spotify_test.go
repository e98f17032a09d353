package flows

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

const testPublicURL = "http://127.0.0.1:8080"

// testClock is when these tests take place.
var testClock = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func answerJSON(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// resetConnection ends the connection of an answer with an RST.
func resetConnection(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close() // the test is over with it
}

// spotify is a token endpoint and a GET /me that do as they are told. The consent page is played by the tests.
type spotify struct {
	*httptest.Server

	mu      sync.Mutex // guards what follows
	tokens  []url.Values
	profile int      // how often /me was asked
	issued  []string // every token
	answers struct{ token, me http.HandlerFunc }
}

const listenerProfile = `{"id":"listener","account_id":"acc-1","display_name":"Lis <b>Tener</b>","email":"l@example.com",` +
	`"images":[{"url":"https://i.example/1.jpg"},{"url":"https://i.example/2.jpg"}]}`

func newSpotify(t *testing.T) *spotify {
	t.Helper()
	s := &spotify{}
	s.answers.token = s.issue("user-read-private user-read-email")
	s.answers.me = answerJSON(http.StatusOK, listenerProfile)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/token", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		r.PostForm = form // for answers that depend on it
		s.mu.Lock()
		s.tokens = append(s.tokens, form)
		answer := s.answers.token
		s.mu.Unlock()
		answer(w, r)
	})
	mux.HandleFunc("GET /v1/me", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.profile++
		answer, known := s.answers.me, slices.Contains(s.issued, "access-"+afterDash(r.Header.Get("Authorization")))
		s.mu.Unlock()
		if !known {
			answer = answerJSON(http.StatusUnauthorized, `{"error":{"status":401,"message":"Invalid access token"}}`)
		}
		answer(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// afterDash returns the number of a token in "Bearer access-N".
func afterDash(authorization string) string {
	var number string
	_, _ = fmt.Sscanf(authorization, "Bearer access-%s", &number)
	return number
}

// issue answers with new tokens.
func (s *spotify) issue(scope string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		n := len(s.tokens)
		s.issued = append(s.issued, fmt.Sprintf("access-%d.", n), fmt.Sprintf("refresh-%d.", n))
		s.mu.Unlock()
		answerJSON(http.StatusOK, fmt.Sprintf(`{"access_token":"access-%d.","refresh_token":"refresh-%d.",`+
			`"token_type":"Bearer","expires_in":3600,"scope":"%s"}`, n, n, scope))(w, r)
	}
}

func (s *spotify) answerToken(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.token = answer
}

func (s *spotify) answerMe(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers.me = answer
}

// received returns the forms that the token endpoint received, and how often /me was asked.
func (s *spotify) received() (tokenCalls []url.Values, profileCalls int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens), s.profile
}

// secrets returns every token that was given out.
func (s *spotify) secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.issued)
}

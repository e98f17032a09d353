package flows

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stagedoor/flows/token"
	"stagedoor/internal/httperror"
	"stagedoor/secret"
	"stagedoor/session"
)

// TestProfileErrorDoesNotQuoteTheToken has GET /me send the token back where net/http quotes what it cannot read.
func TestProfileErrorDoesNotQuoteTheToken(t *testing.T) {
	const access = "access-token-of-this-test"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s\r\n\r\n", r.Header.Get("Authorization"))
			_ = conn.Close()
		}
	}))
	defer server.Close()
	h := &Handler{calls: unlimited{}, config: Config{APIURL: server.URL, TokenTimeout: time.Minute}, api: token.NewHTTPClient("profile")}
	_, err := h.profile(t.Context(), session.Token{Access: secret.New(access)})
	e := httperror.From(err)
	if e.Reason != httperror.UpstreamUnreachable || e.Cause == nil || !strings.Contains(e.Cause.Error(), "malformed") {
		t.Fatalf("the error is %v", err)
	}
	if strings.Contains(err.Error(), access) {
		t.Errorf("the token is in %v", err)
	}
}

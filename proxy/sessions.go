package proxy

import (
	"context"
	"net/http"

	"stagedoor/session"
)

// Sessions is what this package needs of session.Manager; see there for the errors. All methods are safe for
// concurrent use.
type Sessions interface {
	// Find returns the session of the request's cookie and notes that it was used.
	Find(r *http.Request) (*session.Session, error)
	// App returns the session of the app itself, and Account that of a shared account.
	App(ctx context.Context) (*session.Session, error)
	Account(ctx context.Context, name string) (*session.Session, error)
	// Token returns a token that is good now, refreshed if need be.
	Token(ctx context.Context, s *session.Session) (session.Token, error)
	// Replace returns a token in place of one that the API has rejected.
	Replace(ctx context.Context, s *session.Session, rejected session.Token) (session.Token, error)
	// Label names the request's session in the log without giving it away; "" without a cookie.
	Label(r *http.Request) string
	// CookieNames are the gateway's own cookies, which no frontend may see or set; see policy.CookieNames.
	CookieNames() []string
}

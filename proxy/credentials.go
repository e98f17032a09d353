package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	"stagedoor/internal/httperror"
	"stagedoor/proxy/policy"
	"stagedoor/session"
)

// Sessions is what this package needs of session.Manager; see there for the errors. All methods are safe for
// concurrent use.
type Sessions interface {
	// Find returns the session of the request's cookie and records that it was used.
	Find(r *http.Request) (*session.Session, error)
	// App returns the session of the app itself, and Account that of a shared account.
	App(ctx context.Context) (*session.Session, error)
	Account(ctx context.Context, name string) (*session.Session, error)
	// Token returns a token that is good now, refreshed if need be, for a use that takes so long; zero for one call.
	Token(ctx context.Context, s *session.Session, use time.Duration) (session.Token, error)
	// Replace returns a token in place of one that the API has rejected.
	Replace(ctx context.Context, s *session.Session, rejected session.Token) (session.Token, error)
	// MarkRejected remembers that the API has rejected a token that Replace has just given.
	MarkRejected(s *session.Session, token session.Token)
	// Again loads a session or account once more, for a use that goes on.
	Again(ctx context.Context, s *session.Session) (*session.Session, error)
	// SealNews seals a text that only a replica that can open the record of s can open, with OpenNews.
	SealNews(s *session.Session, plain []byte) ([]byte, error)
	OpenNews(s *session.Session, sealed []byte) ([]byte, error)
	// Label names the request's session in the log without giving it away; "" without a cookie.
	Label(r *http.Request) string
	// CookieNames are the gateway's own cookies, which no frontend may see or set; see policy.CookieNames.
	CookieNames() []string
}

// credentialSource finds the session with which a route asks Spotify. It may add to w what the client should know beside the
// answer.
type credentialSource interface {
	find(w *responseWriter, r *http.Request, path string) (*session.Session, error)
}

func newCredentialSource(route Route, p parts) (credentialSource, error) {
	name, isAccount := strings.CutPrefix(route.Credentials, AccountPrefix)
	switch {
	case isAccount:
		return newAccountSource(name, p)
	case route.Credentials == CredentialsApp:
		return appSource{p.Sessions}, nil
	case route.Credentials == CredentialsUserOrApp:
		return userOrAppSource{p.Sessions}, nil
	default:
		return userSource{p.Sessions}, nil
	}
}

// guardedByKey tells whether every call of the route needs an API key, which no other site's page has. On any other route
// with credentials a visitor's browser can be made to call: it sends the cookie by itself, and each call uses the shared
// quota.
func (r Route) guardedByKey(files map[string]string) bool {
	name, isAccount := strings.CutPrefix(r.Credentials, AccountPrefix)
	return isAccount && files[name] != ""
}

// userSource is the session of the user, who must be logged in.
type userSource struct{ sessions Sessions }

func (s userSource) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	found, err := s.sessions.Find(r)
	return found, sessionError(r, err)
}

// appSource is the session of the app itself, for any client.
type appSource struct{ sessions Sessions }

func (s appSource) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	found, err := s.sessions.App(r.Context())
	return found, sessionError(r, err)
}

// userOrAppSource is the session of a user who is logged in, else that of the app, so that a catalogue can be read before a login.
// A cookie of a session that has ended differs from no cookie: where only a user has anything to read, the answer is to log in;
// elsewhere it is the app's answer, with the reason beside it.
type userOrAppSource struct{ sessions Sessions }

func (s userOrAppSource) find(w *responseWriter, r *http.Request, path string) (*session.Session, error) {
	found, err := s.sessions.Find(r)
	switch {
	case err == nil:
		return found, nil
	case !isOver(err):
		return nil, sessionError(r, err)
	case s.sessions.Label(r) == "": // no cookie: the client does not expect to be logged in
	case isUserOperation(r.Method, path):
		return nil, sessionError(r, err)
	default:
		w.set(httperror.ReasonHeader, httperror.From(httperror.FromSession(err)).Reason)
	}
	found, err = s.sessions.App(r.Context())
	return found, sessionError(r, err)
}

// isUserOperation tells whether a call is about one user: everything that changes something, and all below /me.
func isUserOperation(method, path string) bool {
	return method != http.MethodGet && method != http.MethodHead || policy.Below(path, "/me")
}

// accountSource is the session of a shared account. Where the account has keys, the caller shows one as the bearer.
type accountSource struct {
	sessions Sessions
	name     string
	keys     *policy.APIKeys // nil: the route is public
}

func newAccountSource(name string, p parts) (credentialSource, error) {
	s := accountSource{sessions: p.Sessions, name: name}
	if file := p.APIKeyFiles[name]; file != "" {
		keys, err := readAPIKeys(file)
		if err != nil {
			return nil, err
		}
		s.keys = keys
	}
	return s, nil
}

func (s accountSource) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	if s.keys != nil && !s.keys.Admit(r) {
		return nil, httperror.New(httperror.LoginRequired,
			"This route wants an API key: send one of its keys as Authorization: Bearer KEY.", nil)
	}
	found, err := s.sessions.Account(r.Context(), s.name)
	if isOver(err) {
		return nil, notConnected(err)
	}
	return found, sessionError(r, err)
}

// isOver tells whether only another login, or another connection of the account, helps.
func isOver(err error) bool {
	return errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrReauthorize)
}

func notConnected(cause error) error {
	return httperror.New(httperror.ReauthorizationRequired,
		"The account behind this route is not connected to Spotify. Its operator connects it with `stagedoor accounts connect`.", cause)
}

// tokenError is the answer to an error about the token of a session. A login of the caller does not help an account.
func tokenError(s *session.Session, err error) error {
	if isOver(err) && !s.IsUser() {
		return notConnected(err)
	}
	return httperror.FromSession(err)
}

// maxAPIKeys bounds the file of API keys, in bytes.
const maxAPIKeys = 1 << 20

// CheckAPIKeys says what is wrong with a file of API keys, so that a start need not fail for it.
func CheckAPIKeys(path string) error {
	_, err := readAPIKeys(path)
	return err
}

// readAPIKeys reads a file of API keys, as policy.ParseAPIKeys describes it.
func readAPIKeys(path string) (*policy.APIKeys, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxAPIKeys {
		return nil, fmt.Errorf("the file of API keys %s has more than %d KiB", path, maxAPIKeys>>10)
	}
	text, err := os.ReadFile(path)
	var cause *fs.PathError
	if errors.As(err, &cause) { // its text repeats the path
		err = cause.Err
	}
	if err != nil {
		return nil, fmt.Errorf("the file of API keys %q cannot be read (%w); correct the path or its permissions", path, err)
	}
	keys, err := policy.ParseAPIKeys(string(text))
	var line *policy.KeyLineError
	switch {
	case errors.As(err, &line):
		return nil, fmt.Errorf("%s:%d: %s", path, line.Line, line.Problem)
	case err != nil:
		return nil, fmt.Errorf("the file of API keys %s %w", path, err)
	}
	return keys, nil
}

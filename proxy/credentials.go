package proxy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"stagedoor/httperror"
	"stagedoor/proxy/policy"
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

// speaker finds for whom a route speaks: whose token a request gets. It may note in w what the client should know beside
// the answer.
type speaker interface {
	find(w *responseWriter, r *http.Request, path string) (*session.Session, error)
}

func newSpeaker(route Route, p parts) (speaker, error) {
	name, isAccount := strings.CutPrefix(route.Credentials, AccountPrefix)
	switch {
	case isAccount:
		return newAccountSpeaker(name, p)
	case route.Credentials == CredentialsApp:
		return appSpeaker{p.Sessions}, nil
	case route.Credentials == CredentialsUserOrApp:
		return userOrAppSpeaker{p.Sessions}, nil
	default:
		return userSpeaker{p.Sessions}, nil
	}
}

// guardedByKey tells whether every call of the route shows an API key, which no other site's page has. Any other route
// with credentials is open to whatever a visitor's browser sends: the cookie goes along, and each call costs the quota
// of all.
func (r Route) guardedByKey(files map[string]string) bool {
	name, isAccount := strings.CutPrefix(r.Credentials, AccountPrefix)
	return isAccount && files[name] != ""
}

// userSpeaker speaks for the user who is logged in, and for nobody else.
type userSpeaker struct{ sessions Sessions }

func (s userSpeaker) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	found, err := s.sessions.Find(r)
	return found, sessionFault(r, err)
}

// appSpeaker speaks for the app, whoever asks.
type appSpeaker struct{ sessions Sessions }

func (s appSpeaker) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	found, err := s.sessions.App(r.Context())
	return found, sessionFault(r, err)
}

// userOrAppSpeaker speaks for the user who is logged in, else for the app, so that a catalogue can be read before a login.
// A cookie whose session is no more is another matter than none: where only a user has anything to read, the client is
// told to log in; elsewhere it gets the app's answer, and the reason beside it.
type userOrAppSpeaker struct{ sessions Sessions }

func (s userOrAppSpeaker) find(w *responseWriter, r *http.Request, path string) (*session.Session, error) {
	found, err := s.sessions.Find(r)
	switch {
	case err == nil:
		return found, nil
	case !isOver(err):
		return nil, sessionFault(r, err)
	case s.sessions.Label(r) == "": // no cookie, so nobody expects to be logged in
	case isUserOperation(r.Method, path):
		return nil, sessionFault(r, err)
	default:
		w.set(httperror.ReasonHeader, httperror.From(httperror.FromSession(err)).Reason)
	}
	found, err = s.sessions.App(r.Context())
	return found, sessionFault(r, err)
}

// isUserOperation tells whether a call is about one user: everything that changes something, and all below /me.
func isUserOperation(method, path string) bool {
	return method != http.MethodGet && method != http.MethodHead || policy.Below(path, "/me")
}

// accountSpeaker speaks for a shared account. Where it has keys, the caller shows one as the bearer.
type accountSpeaker struct {
	sessions Sessions
	name     string
	keys     *policy.APIKeys // nil: the route is public
}

func newAccountSpeaker(name string, p parts) (speaker, error) {
	s := accountSpeaker{sessions: p.Sessions, name: name}
	if file := p.APIKeyFiles[name]; file != "" {
		keys, err := readAPIKeys(file)
		if err != nil {
			return nil, err
		}
		s.keys = keys
	}
	return s, nil
}

func (s accountSpeaker) find(_ *responseWriter, r *http.Request, _ string) (*session.Session, error) {
	if s.keys != nil && !s.keys.Admit(r) {
		return nil, httperror.New(httperror.LoginRequired,
			"This route wants an API key: send one of its keys as Authorization: Bearer KEY.", nil)
	}
	found, err := s.sessions.Account(r.Context(), s.name)
	if isOver(err) {
		return nil, notConnected(err)
	}
	return found, sessionFault(r, err)
}

// isOver tells whether only another login, or another connection of the account, helps.
func isOver(err error) bool {
	return errors.Is(err, session.ErrNoSession) || errors.Is(err, session.ErrReauthorize)
}

func notConnected(cause error) error {
	return httperror.New(httperror.ReauthorizationRequired,
		"The account behind this route is not connected to Spotify. Its operator connects it with `stagedoor accounts connect`.", cause)
}

// tokenFault is the answer to an error about the token of a session. A login of the caller's mends no account.
func tokenFault(s *session.Session, err error) error {
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
	if errors.As(err, &cause) { // whose words repeat the path
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

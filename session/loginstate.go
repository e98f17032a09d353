package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

const (
	// LoginStateLifetime is how long a browser may take from the beginning of a login to its callback.
	LoginStateLifetime = 10 * time.Minute
	// loginCookieLifetime is how long the browser keeps a login state. It is longer than the state is good for, so that
	// the page of a callback that is too late still knows the return path.
	loginCookieLifetime = 3 * LoginStateLifetime
	// clockSkew is by how much the clocks of two replicas may differ: a mark outlives its login state by so much.
	clockSkew = time.Minute
)

var (
	// ErrNoLogin says that a state belongs to no login that this browser has begun.
	ErrNoLogin = errors.New("no such login state")
	// ErrLoginExpired says that a login of this browser has taken longer than LoginStateLifetime.
	ErrLoginExpired = errors.New("the login state has expired")
	// ErrLoginSpent says that the state of a login was used before.
	ErrLoginSpent = errors.New("the login state was used before")
)

// LoginState is what the gateway knows of a login between its beginning and its callback. The browser keeps it, sealed. The
// store has only the states that were used, so a login that is never finished costs it nothing.
type LoginState struct {
	// Text is what BeginLogin was given.
	Text    []byte
	key     string // of the mark that the state was used
	expires time.Time
}

// BeginLogin begins a login and returns the state that identifies it to the authorization server (RFC 6749 section
// 10.12). The login state goes into a cookie of its own, so that logins in several tabs do not meet; the oldest cookies
// are cleared when there are too many. It is sealed under a configured key and the state, for this purpose alone: the
// cookie without the state does not open, and a state without the cookie is worthless in another browser.
func (m *Manager) BeginLogin(w http.ResponseWriter, r *http.Request, purpose string, text []byte) (state secret.Text, err error) {
	current := m.settings.Load()
	state = newID()
	begun := strconv.FormatInt(m.options.Now().UnixMilli(), 36)
	sealed, err := current.sealer.Seal(state, loginBinding(state, purpose, begun), text)
	if err != nil {
		return secret.Text{}, err
	}
	value := begun + "." + base64.RawURLEncoding.EncodeToString(sealed)
	if len(value) > maxLoginCookie {
		return secret.Text{}, fmt.Errorf("a login state of %d bytes does not fit into a cookie", len(value))
	}
	if err := current.logins.clearOldest(w, r, len(value)); err != nil {
		return secret.Text{}, err
	}
	return state, current.logins.of(state).set(w, r, secret.New(value))
}

// OpenLogin returns the login state that this browser keeps for a state. It does not ask the store, and the state stays unused.
// It answers ErrNoLogin; or ErrLoginExpired together with the expired login state.
func (m *Manager) OpenLogin(r *http.Request, purpose, state string) (LoginState, error) {
	current := m.settings.Load()
	parsed, ok := parseID(state)
	if !ok {
		return LoginState{}, ErrNoLogin
	}
	value, _ := current.logins.of(parsed).value(r)
	begun, encoded, _ := strings.Cut(value, ".")
	milliseconds, err := strconv.ParseInt(begun, 36, 64)
	sealed, decodeErr := strictBase64.DecodeString(encoded)
	if err != nil || decodeErr != nil {
		return LoginState{}, ErrNoLogin
	}
	text, err := current.sealer.Open(parsed, loginBinding(parsed, purpose, begun), sealed)
	if errors.Is(err, seal.ErrSealed) {
		return LoginState{}, ErrNoLogin
	}
	if err != nil {
		return LoginState{}, err
	}
	s := LoginState{
		Text: text, key: storeKey(kindLogin, parsed), expires: time.UnixMilli(milliseconds).Add(LoginStateLifetime),
	}
	if !m.options.Now().Before(s.expires) {
		return s, ErrLoginExpired
	}
	return s, nil
}

// SpendLogin uses a login state up, in one atomic step of the store: of several callbacks, on whatever replicas, it answers
// nil to one and ErrLoginSpent to the others. With ErrStoreUnavailable the state is as good as before.
func (m *Manager) SpendLogin(ctx context.Context, s LoginState) error {
	mark := make([]byte, 8) // of this call alone: repeating a write that succeeded succeeds, and another's does not
	_, _ = rand.Read(mark)  // never fails, see crypto/rand
	lifetime := max(s.expires.Sub(m.options.Now()), 0) + clockSkew
	err := m.options.Store.Save(ctx, s.key, Entry{Version: 1, Data: mark}, lifetime, "")
	if errors.Is(err, ErrConflict) {
		return ErrLoginSpent
	}
	return err
}

// loginBinding is what a login state is sealed for. A cookie that was moved to another state, or begins with another time,
// does not open.
func loginBinding(state secret.Text, purpose, begun string) string {
	return storeKey(kindLogin, state) + "\n" + begun + "\n" + purpose
}

const (
	// loginInfix stands between the name of the session cookie and the digits that tell login cookies apart.
	loginInfix = "-login-"
	// loginDigits is how many hex digits of the state's hash a login cookie's name ends with.
	loginDigits = 16
	// maxLogins is how many login cookies a browser keeps.
	maxLogins = 5
	// maxLoginCookie bounds one login cookie's value, and maxLoginCookies all of them together, in bytes. Browsers take
	// 4096 of a cookie, its name and attributes included, and many servers 8 KiB of a whole Cookie header.
	maxLoginCookie  = 3500
	maxLoginCookies = 6 << 10
	// maxCleared bounds how many cookies one answer clears.
	maxCleared = 20
)

// loginCookies are the cookies that keep the login states of a browser, one for each login that is under way.
type loginCookies struct {
	prefix cookie // its name begins the name of each login cookie
}

// of returns the cookie of a state.
func (l loginCookies) of(state secret.Text) cookie {
	_, digits, _ := strings.Cut(storeKey(kindLogin, state), ":")
	return l.named(l.prefix.name + digits[:loginDigits])
}

func (l loginCookies) named(name string) cookie {
	return cookie{name: name, options: l.prefix.options}
}

// clearOldest clears the oldest login cookies of the request, as many as one more of size bytes needs.
func (l loginCookies) clearOldest(w http.ResponseWriter, r *http.Request, size int) error {
	sent := l.sent(r)
	slices.SortStableFunc(sent, func(a, b sentLogin) int { return cmp.Compare(b.begun, a.begun) }) // the newest first
	kept := 0
	for kept < len(sent) && kept < maxLogins-1 && size+sent[kept].size <= maxLoginCookies {
		size += sent[kept].size
		kept++
	}
	old := sent[kept:]
	for _, s := range old[:min(len(old), maxCleared)] {
		if err := l.named(s.name).clear(w, r); err != nil {
			return err
		}
	}
	return nil
}

// sentLogin is a login cookie of a request. Its time is what the browser says: good enough to choose the oldest.
type sentLogin struct {
	name  string
	begun int64 // milliseconds since 1970; 0 for what cannot be read
	size  int
}

// sent returns the login cookies of a request.
func (l loginCookies) sent(r *http.Request) []sentLogin {
	var logins []sentLogin
	for _, c := range r.Cookies() {
		digits, ours := strings.CutPrefix(c.Name, l.prefix.name)
		if !ours || len(digits) != loginDigits || strings.Trim(digits, "0123456789abcdef") != "" {
			continue
		}
		text, _, _ := strings.Cut(c.Value, ".")
		begun, err := strconv.ParseInt(text, 36, 64)
		if err != nil {
			begun = 0
		}
		logins = append(logins, sentLogin{name: c.Name, begun: begun, size: len(c.Name) + len(c.Value)})
	}
	return logins
}

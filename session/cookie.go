package session

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/sessions"

	"stagedoor/secret"
)

// cookie is one of the gateway's cookies, as a gorilla store of sessions that hold only their id: the record is kept
// elsewhere. Only this file uses gorilla, and it sets every option, because the defaults of gorilla's
// cookies are SameSite=None without HttpOnly.
type cookie struct {
	name    string
	options sessions.Options
}

var _ sessions.Store = cookie{}

// newCookies returns the session cookie and the cookies that keep login states. On https all carry the __Host-Http- prefix
// (RFC 6265bis section 4.1.3): the browser then takes them from this host alone, never from a script or a sibling domain.
func newCookies(c CookieConfig, secure bool, lifetime time.Duration) (cookie, loginCookies) {
	name := c.Name
	if name == "" {
		name = "stagedoor"
		if secure {
			name = "__Host-Http-stagedoor"
		}
	}
	options := sessions.Options{
		Path: "/", MaxAge: int(lifetime / time.Second), Secure: secure, HttpOnly: true, SameSite: sameSites[c.SameSite],
	}
	forSession := cookie{name: name, options: options}
	// The callback is a navigation that Spotify begins, so these have to be Lax whatever the session's is.
	options.SameSite = http.SameSiteLaxMode
	options.MaxAge = int(loginCookieLifetime / time.Second)
	return forSession, loginCookies{prefix: cookie{name: name + loginInfix, options: options}}
}

var sameSites = map[string]http.SameSite{
	"lax":    http.SameSiteLaxMode,
	"strict": http.SameSiteStrictMode,
	"none":   http.SameSiteNoneMode,
}

// validate reports what is wrong with the session cookie's keys.
func (c CookieConfig) validate(report func(field, problem string)) {
	if _, known := sameSites[c.SameSite]; !known {
		report("same_site", "must be lax, strict or none")
	}
	if strings.ContainsFunc(c.Name, notTokenChar) {
		report("name", "must be a plain cookie name of letters, digits, - and _")
	}
}

func notTokenChar(r rune) bool {
	isToken := r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	return !isToken
}

// Get implements sessions.Store; it is New, remembered for the request.
func (c cookie) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(c, name)
}

// New implements sessions.Store. The session is new unless the request carries the cookie with something that looks like
// an id.
func (c cookie) New(r *http.Request, name string) (*sessions.Session, error) {
	s := sessions.NewSession(c, name)
	options := c.options
	s.Options = &options
	id, found := c.read(r)
	s.ID, s.IsNew = id.Reveal(), !found
	return s, nil
}

// Save implements sessions.Store.
func (c cookie) Save(_ *http.Request, w http.ResponseWriter, s *sessions.Session) error {
	http.SetCookie(w, sessions.NewCookie(s.Name(), s.ID, s.Options))
	return nil
}

// read returns the id in the request's cookie.
func (c cookie) read(r *http.Request) (id secret.Text, found bool) {
	value, found := c.value(r)
	if !found {
		return secret.Text{}, false
	}
	return parseID(value)
}

// value returns the value of the request's cookie. Of two different values one may have been planted by another site, so both
// are ignored.
func (c cookie) value(r *http.Request) (value string, found bool) {
	sent := r.CookiesNamed(c.name)
	if len(sent) == 0 {
		return "", false
	}
	for _, other := range sent[1:] {
		if other.Value != sent[0].Value {
			return "", false
		}
	}
	return sent[0].Value, true
}

// readAll returns the different ids that the request names, at most so many.
func (c cookie) readAll(r *http.Request, most int) []secret.Text {
	var ids []secret.Text
	for _, sent := range r.CookiesNamed(c.name) {
		id, ok := parseID(sent.Value)
		if !ok || slices.ContainsFunc(ids, id.Equal) {
			continue
		}
		if len(ids) == most {
			break
		}
		ids = append(ids, id)
	}
	return ids
}

// set gives the browser a value, such as an id.
func (c cookie) set(w http.ResponseWriter, r *http.Request, value secret.Text) error {
	s, err := c.New(r, c.name)
	if err != nil {
		return err
	}
	s.ID = value.Reveal()
	return c.Save(r, w, s)
}

// clear deletes the cookie in the browser.
func (c cookie) clear(w http.ResponseWriter, r *http.Request) error {
	s, err := c.New(r, c.name)
	if err != nil {
		return err
	}
	s.ID, s.Options.MaxAge = "", -1
	return c.Save(r, w, s)
}

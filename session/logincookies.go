package session

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stagedoor/secret"
)

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

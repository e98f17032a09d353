package session_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"stagedoor/session"
)

// FuzzState comes back from a consent page with any state and any cookies. Only the state itself brings the text back, and
// only to the browser that began; everything else leaves the login as it was. STATE and VALUE stand for the real state and
// its cookie's value, NAME for the cookie's name; OTHER, OTHERNAME and OTHERVALUE for those of somebody else.
func FuzzState(f *testing.F) {
	for _, cookies := range []string{
		"NAME=VALUE", "", "NAME=OTHERVALUE", "NAME=VALUE; NAME=OTHERVALUE", "NAME=OTHERVALUE; NAME=VALUE", "OTHERNAME=VALUE",
		"NAME=VALUE; NAME=VALUE", "NAME=\"VALUE\"", "stagedoor=VALUE", "stagedoor-login=VALUE", "stagedoor-login-=VALUE",
		"STAGEDOOR-LOGIN=VALUE", "NAME=STATE", "NAME =VALUE", "a=b,NAME=VALUE", "=NAME=VALUE", "NAME=VALUE\x00", "NAME=VALUEx", "NAME=xVALUE",
		"\vNAME=OTHERVALUE; NAME=VALUE", "NAME=\tOTHERVALUE; NAME=VALUE", "NAME=OTHERVALUE\f; NAME=VALUE",
		"NAME= OTHERVALUE; NAME=VALUE", "NAME=VALUE; OTHERNAME=OTHERVALUE",
	} {
		f.Add("STATE", cookies)
	}
	for _, state := range []string{"", "OTHER", "VALUE", "STATE=", " STATE", "STATE\n", "STATESTATE", "STATE.VALUE", "../STATE"} {
		f.Add(state, "NAME=VALUE; OTHERNAME=VALUE")
	}
	m := newManager(f, session.Options{})
	stranger := &browser{}
	strange := stranger.mustBegin(f, m, "the stranger's text")
	f.Fuzz(func(t *testing.T, state, cookies string) {
		b := &browser{}
		begun := b.mustBegin(t, m, "text")
		name := loginCookie(begun)
		real := strings.NewReplacer("OTHERNAME", loginCookie(strange), "OTHERVALUE", stranger.cookies[loginCookie(strange)],
			"STATE", begun, "NAME", name, "VALUE", b.cookies[name], "OTHER", strange)
		sent, header := real.Replace(state), real.Replace(cookies)
		text, err := finish(m, &http.Request{Header: http.Header{"Cookie": {header}}}, sent)
		switch {
		case err == nil && sent == strange && string(text) == "the stranger's text":
			if !onlyCookie(header, loginCookie(strange), stranger.cookies[loginCookie(strange)]) {
				t.Errorf("the stranger's state with the cookies %q brings back %q", cookies, text)
			}
		case err == nil:
			if sent != begun || !onlyCookie(header, name, b.cookies[name]) || string(text) != "text" {
				t.Errorf("the state %q with the cookies %q brings back %q", state, cookies, text)
			}
		case !errors.Is(err, session.ErrNoLogin) && !errors.Is(err, session.ErrLoginSpent) || text != nil:
			t.Errorf("the state %q with the cookies %q: %q and %v", state, cookies, text, err)
		}
		again, afterwards := b.finish(m, begun)
		used := err == nil && sent == begun
		if used && !errors.Is(afterwards, session.ErrLoginSpent) || !used && string(again) != "text" {
			t.Errorf("after the state %q with the cookies %q, which got %v, its own browser gets %q and %v", state, cookies, err, again, afterwards)
		}
	})
}

// onlyCookie reads a Cookie header in the simplest way: the named cookie is there, and nowhere with another value that a
// cookie could have (RFC 6265 section 4.1.1).
func onlyCookie(header, wanted, want string) bool {
	const space = " \t\r\n"
	found := false
	for pair := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.Trim(pair, space), "=")
		if quoted := len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"'; quoted {
			value = value[1 : len(value)-1]
		}
		if strings.TrimRight(name, space) != wanted || strings.ContainsFunc(value, func(r rune) bool {
			return r < ' ' || r > '~' || strings.ContainsRune(`";\`, r)
		}) {
			continue
		}
		if value != want {
			return false
		}
		found = true
	}
	return found
}

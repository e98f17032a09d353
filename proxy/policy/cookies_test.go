package policy

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

const (
	ourCookie   = "stagedoor"
	loginCookie = "stagedoor-login"
)

var ownCookies = CookieNames{ourCookie, loginCookie, loginCookie + "-*"}

func isOwnCookie(name string) bool {
	name = strings.ToLower(strings.Trim(name, " \t"))
	return name == ourCookie || name == loginCookie || strings.HasPrefix(name, loginCookie+"-")
}

// FuzzHiddenCookies wants a frontend to see every cookie but the gateway's own, in whatever way it reads the header.
func FuzzHiddenCookies(f *testing.F) {
	for _, header := range []string{
		"", "a=b", "stagedoor=x", "a=b; stagedoor=x; c=d", "STAGEDOOR=x;a=b", " stagedoor =x", "stagedoor", "stagedoor; a", "=stagedoor=x", ";;stagedoor=x;;",
		"a=\"b; stagedoor=x\"", "a=b,stagedoor=x", "stagedoor\t=x", "a=stagedoor=x", "stagedoor-login=x; stagedoor-logins=y", "stagedoor-login-0123456789abcdef=x; Stagedoor-Login-9=y; stagedoor-login-=z; stagedoor-x=a",
		"\x00stagedoor=x", "a=b;\tstagedoor=x",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		h := http.Header{"Cookie": {header}}
		ownCookies.Hide(h)
		for _, cookie := range (&http.Request{Header: h}).Cookies() {
			if isOwnCookie(cookie.Name) {
				t.Errorf("%q shows %s", header, cookie.Name)
			}
		}
		var want []string
		for pair := range strings.SplitSeq(header, ";") {
			if name, _, _ := strings.Cut(pair, "="); !isOwnCookie(strings.TrimSpace(name)) {
				want = append(want, pair)
			}
		}
		got := strings.Join(h["Cookie"], ";")
		if strings.TrimLeft(got, " ") != strings.TrimLeft(strings.Join(want, ";"), " ") {
			t.Errorf("%q became %q, want %q", header, got, strings.Join(want, ";"))
		}
	})
}

// FuzzSetCookie sets a cookie as RFC 6265bis section 5.6 has it, and looks what the browser would send back: nothing that
// could be read as one of the gateway's own.
func FuzzSetCookie(f *testing.F) {
	for _, line := range []string{
		"a=b", "stagedoor=x", " stagedoor = x; Path=/", "\tstagedoor\t=x", "=stagedoor=x", "==stagedoor=x", "stagedoor", "stagedoor; a=b", ";stagedoor=x",
		"STAGEDOOR-LOGIN=x; Max-Age=0", "Stagedoor-Login-0123456789abcdef=x; Path=/auth", "=stagedoor-login-1=x", "stagedoors=x", "a=stagedoor=x", "= \tstagedoor", "stagedoor\x00=x", "", "=", "__Host-stagedoor=x",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Set-Cookie": {line}}
		ownCookies.Protect(h)
		kept := slices.Contains(h["Set-Cookie"], line)
		back, stored := sentBack(line)
		name, _, _ := strings.Cut(back, "=")
		if kept && stored && isOwnCookie(name) {
			t.Errorf("%q comes back as %q", line, back)
		}
		if !kept && !strings.Contains(strings.ToLower(line), ourCookie) {
			t.Errorf("%q was dropped", line)
		}
	})
}

// sentBack is what a browser makes of a Set-Cookie line in its Cookie header.
func sentBack(line string) (pair string, stored bool) {
	if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return "", false
	}
	pair, _, _ = strings.Cut(line, ";")
	name, value, named := strings.Cut(pair, "=")
	if !named {
		name, value = "", pair
	}
	name, value = strings.Trim(name, " \t"), strings.Trim(value, " \t")
	if name == "" {
		return value, value != ""
	}
	return name + "=" + value, true
}

package session

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gorilla/sessions"
)

func TestCookieAttributes(t *testing.T) {
	id := newID()
	for _, c := range []struct {
		name                   string
		config                 CookieConfig
		secure                 bool
		wantSession, wantLogin string // what follows the name and the value, and Expires
	}{
		{
			"https", CookieConfig{SameSite: "lax"}, true,
			"__Host-Http-stagedoor=ID; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax",
			"__Host-Http-stagedoor-login-=ID; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"loopback", CookieConfig{SameSite: "lax"}, false,
			"stagedoor=ID; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax",
			"stagedoor-login-=ID; Path=/; Max-Age=1800; HttpOnly; SameSite=Lax",
		},
		{
			"strict", CookieConfig{SameSite: "strict"}, true,
			"__Host-Http-stagedoor=ID; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict",
			"__Host-Http-stagedoor-login-=ID; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax",
		},
		{
			"none, with a name", CookieConfig{SameSite: "none", Name: "mine"}, true,
			"mine=ID; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=None",
			"mine-login-=ID; Path=/; Max-Age=1800; HttpOnly; Secure; SameSite=Lax",
		},
	} {
		forSession, forLogins := newCookies(c.config, c.secure, time.Hour)
		for _, pair := range []struct {
			cookie cookie
			want   string
		}{{forSession, c.wantSession}, {forLogins.prefix, c.wantLogin}} {
			w := httptest.NewRecorder()
			if err := pair.cookie.set(w, httptest.NewRequest(http.MethodGet, "/", nil), id); err != nil {
				t.Fatal(err)
			}
			if got := setCookie(t, w, id.Reveal()); got != pair.want {
				t.Errorf("%s: got\n%s, want\n%s", c.name, got, pair.want)
			}
		}
	}
}

// setCookie returns the answer's only cookie as the browser sees it, without Expires, and with ID for value.
func setCookie(t *testing.T, w *httptest.ResponseRecorder, value string) string {
	t.Helper()
	set := w.Result().Cookies()
	if len(set) != 1 || set[0].Value != value {
		t.Fatalf("the cookies are %v, want one with %q", set, value)
	}
	c := *set[0]
	c.Value, c.Expires, c.RawExpires = "ID", time.Time{}, ""
	return c.String()
}

func TestCookieIsClearedAsItWasSet(t *testing.T) {
	forSession, _ := newCookies(CookieConfig{SameSite: "lax"}, true, time.Hour)
	w := httptest.NewRecorder()
	if err := forSession.clear(w, httptest.NewRequest(http.MethodGet, "/", nil)); err != nil {
		t.Fatal(err)
	}
	// Max-Age=0 is how net/http writes a negative MaxAge.
	want := "__Host-Http-stagedoor=ID; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax"
	if got := setCookie(t, w, ""); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestCookieRead(t *testing.T) {
	id, other := newID().Reveal(), newID().Reveal()
	c, _ := newCookies(CookieConfig{SameSite: "lax"}, false, time.Hour)
	for _, test := range []struct {
		name    string
		headers []string
		want    string
	}{
		{"none", nil, ""},
		{"one", []string{"stagedoor=" + id}, id},
		{"among others", []string{"a=b; stagedoor=" + id + "; stagedoor-login=" + other}, id},
		{"twice the same", []string{"stagedoor=" + id + "; stagedoor=" + id}, id},
		{"two that differ", []string{"stagedoor=" + id + "; stagedoor=" + other}, ""},
		{"three of which one differs", []string{"stagedoor=" + id + "; stagedoor=" + other + "; stagedoor=" + other}, ""},
		{"two that differ, in two headers", []string{"stagedoor=" + id, "stagedoor=" + other}, ""},
		{"a good one and garbage", []string{"stagedoor=" + id + "; stagedoor=garbage"}, ""},
		{"garbage and a good one", []string{"stagedoor=garbage; stagedoor=" + id}, ""},
		{"a good one and an empty one", []string{"stagedoor=" + id + "; stagedoor="}, ""},
		{"an empty one and a good one", []string{"stagedoor=; stagedoor=" + id}, ""},
		{"another name", []string{"Stagedoor=" + id + "; stagedoor2=" + id}, ""},
		{"empty", []string{"stagedoor="}, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Cookie"] = test.headers
		got, found := c.read(r)
		if got.Reveal() != test.want || found != (test.want != "") {
			t.Errorf("%s: got %q, %v, want %q", test.name, got.Reveal(), found, test.want)
		}
	}
}

func TestCookieIsAGorillaStore(t *testing.T) {
	id := newID()
	c, _ := newCookies(CookieConfig{SameSite: "lax"}, false, time.Hour)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: c.name, Value: id.Reveal()})
	first, err := c.Get(r, c.name)
	if err != nil {
		t.Fatal(err)
	}
	if first.IsNew || first.ID != id.Reveal() {
		t.Errorf("the session of a known id: new is %v, its id %q", first.IsNew, first.ID)
	}
	if again, err := c.Get(r, c.name); err != nil || again != first {
		t.Errorf("the second Get gives another session, %v", err)
	}
	fresh, err := c.New(httptest.NewRequest(http.MethodGet, "/", nil), c.name)
	if err != nil || !fresh.IsNew || fresh.ID != "" {
		t.Errorf("without a cookie: new is %v, its id %q, %v", fresh.IsNew, fresh.ID, err)
	}
	fresh.Options.MaxAge = -1
	if c.options.MaxAge < 0 {
		t.Error("changing a session's options changes those of all")
	}
	var _ sessions.Store = c
}

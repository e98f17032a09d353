package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/memstore"
)

// typicalUserAgent is what a browser says of itself.
const typicalUserAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

// browser keeps cookies between its requests. It is for one goroutine at a time.
type browser struct {
	cookies map[string]string
}

// request is one of the browser's requests, with its cookies.
func (b *browser) request() *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", typicalUserAgent)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// receive takes over what an answer says about cookies, and returns how many cookies it spoke of.
func (b *browser) receive(w *httptest.ResponseRecorder) int {
	if b.cookies == nil {
		b.cookies = map[string]string{}
	}
	set := w.Result().Cookies()
	for _, c := range set {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return len(set)
}

// logIn begins a session with the grant, for a user who consents now.
func (b *browser) logIn(t *testing.T, m *session.Manager, grant session.Grant) *session.Session {
	t.Helper()
	w := httptest.NewRecorder()
	s, err := m.Create(w, b.request(), session.Login{
		User:         session.User{ID: "ada", AccountID: "acc-1", DisplayName: "Ada Lovelace", Image: "https://i.scdn.co/image/1"},
		Grant:        grant,
		AuthorizedAt: time.Now(),
	})
	if err != nil {
		t.Fatalf("begin a session: %v", err)
	}
	b.receive(w)
	return s
}

// logOut ends the browser's session.
func (b *browser) logOut(m *session.Manager) error {
	w := httptest.NewRecorder()
	err := m.End(w, b.request(), false)
	b.receive(w)
	return err
}

// goodFor is a grant whose access token is good for d from now.
func goodFor(d time.Duration) session.Grant {
	return session.Grant{
		Token: session.Token{
			Access: secret.New("access-1"), Expiry: time.Now().Add(d), Scopes: []string{"user-read-email", "streaming"},
		},
		Refresh: secret.New("refresh-1"),
	}
}

// littleLife is the life of a token that is good, and that a request does not go on with while it is refreshed.
const littleLife = 4 * time.Second

// testKey is a session key: 32 bytes in base64.
var testKey = secret.New("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")

// testConfig is the default configuration with a key.
func testConfig() session.Config {
	c := session.DefaultConfig()
	c.Keys = []secret.Text{testKey}
	return c
}

// newManager makes a manager for the length of the test. What the options leave out is the default; without a store it
// has a memory of its own.
func newManager(t testing.TB, o session.Options) *session.Manager {
	t.Helper()
	if o.Config.Store == "" {
		o.Config = testConfig()
	}
	if o.Store == nil {
		memory := memstore.New(o.Now)
		o.Store, o.Leases = memory, memory
	}
	if o.Lists == nil {
		for _, part := range []any{o.Leases, o.Store} { // a test's own store may have less than a whole one
			if lists, ok := part.(session.Lists); ok {
				o.Lists, o.Bulk = lists, part.(session.Bulk)
			}
		}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	m, err := session.NewManager(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// pass lets time go by. Inside synctest that takes no time.
func pass(d time.Duration) { <-time.After(d) }

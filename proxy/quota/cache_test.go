package quota

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// upstream is a Spotify of a few lines: it counts calls and answers as it is told to.
type upstream struct {
	mu     sync.Mutex
	calls  int
	answer func(call int, conditions http.Header) *http.Response
	delay  time.Duration
}

func (u *upstream) send(ctx context.Context, conditions http.Header, _ Turn) (*http.Response, error) {
	u.mu.Lock()
	u.calls++
	call := u.calls
	u.mu.Unlock()
	if err := waitFor(ctx, nil, u.delay); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return u.answer(call, conditions), nil
}

func (u *upstream) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.calls
}

// answer builds an answer with these headers, "Name: value" each.
func answer(status int, body string, lines ...string) *http.Response {
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return &http.Response{
		StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// ask makes a request of an owner, with these headers of the client's.
func ask(owner, path string, lines ...string) *Ask {
	return askBy(context.Background(), http.MethodGet, owner, path, lines...)
}

func askBy(ctx context.Context, method, owner, path string, lines ...string) *Ask {
	client := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		client.Add(name, value)
	}
	r := httptest.NewRequestWithContext(ctx, method, "https://api.spotify.com/v1"+path, nil)
	for _, name := range []string{"Accept", "Accept-Language", "Accept-Encoding", "Range", "If-None-Match"} {
		if values := client[name]; values != nil {
			r.Header[name] = values
		}
	}
	return &Ask{Owner: owner, Request: r, Client: client}
}

// do asks and returns "from status body".
func do(t *testing.T, c *Cache, a *Ask, send Send) string {
	t.Helper()
	res, from, err := c.Do(a, send)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	_ = res.Body.Close()
	return fmt.Sprintf("%s %d %s", from, res.StatusCode, body)
}

// TestMissStatus tells an address that is not known from one that is, for other requests (RFC 9211 section 2.2).
func TestMissStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{answer: func(int, http.Header) *http.Response {
			return answer(http.StatusOK, "{}", "Cache-Control: max-age=60", "Vary: Accept-Language")
		}}
		c := newTestCache()
		const de, en = "Accept-Language: de", "Accept-Language: en"
		for _, step := range []struct {
			lines []string
			want  string
		}{
			{[]string{de}, "stagedoor; fwd=uri-miss"},
			{[]string{en}, "stagedoor; fwd=vary-miss"},
			{[]string{en}, "stagedoor; hit"},
			{[]string{de}, "stagedoor; hit"},
			{[]string{de, "Range: bytes=0-1"}, "stagedoor; fwd=bypass"}, // whatever is kept
			{[]string{de, "Cache-Control: no-cache"}, "stagedoor; fwd=request"},
			{[]string{de, "Cache-Control: min-fresh=100"}, "stagedoor; fwd=request"},
			{[]string{de, "Cache-Control: max-age=0"}, "stagedoor; hit"}, // it is not a second old
			{nil, ""},
			{[]string{de, "Cache-Control: max-age=0"}, "stagedoor; fwd=stale"}, // so it is, whatever the request wants
		} {
			if step.lines == nil {
				time.Sleep(time.Minute)
				continue
			}
			res, _, err := c.Do(ask("ada", "/x", step.lines...), u.send)
			if err != nil {
				t.Fatal(err)
			}
			drain(res)
			if got := res.Header.Get("Cache-Status"); got != step.want {
				t.Errorf("%s: %q, want %q", step.lines, got, step.want)
			}
		}
	})
}

func newTestCache() *Cache { return NewCache(CacheConfig{Size: 1 << 20, Stale: time.Hour}, time.Now) }

// TestRules goes through RFC 9111: what a second request gets that comes 10 s after the first.
func TestRules(t *testing.T) {
	cases := []struct {
		section string
		first   []string // of the first answer
		client  []string // of the second request
		want    string
	}{
		{"4.2.1 max-age", []string{"Cache-Control: max-age=60"}, nil, "hit 200 1"},
		{"4.2.1 max-age that has run", []string{"Cache-Control: max-age=9"}, nil, "miss 200 2"},
		{"4.2.1 no lifetime", nil, nil, "miss 200 2"},
		{"4.2.1 nonsense counts as stale", []string{"Cache-Control: max-age=abc"}, nil, "miss 200 2"},
		{"5.3 Expires", []string{"Expires: " + time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC).Format(http.TimeFormat)}, nil, "hit 200 1"},
		{"5.3 Expires: 0", []string{"Expires: 0"}, nil, "miss 200 2"},
		{"4.2.1 max-age wins over Expires", []string{"Cache-Control: max-age=60", "Expires: 0"}, nil, "hit 200 1"},
		{"5.2.2.5 no-store", []string{"Cache-Control: no-store, max-age=60"}, nil, "miss 200 2"},
		{"5.2.2.4 no-cache", []string{"Cache-Control: no-cache, max-age=60"}, nil, "miss 200 2"},
		{"5.2.2.10 s-maxage is not for a private cache", []string{"Cache-Control: s-maxage=0, max-age=60"}, nil, "hit 200 1"},
		{"5.2.2.7 private", []string{"Cache-Control: private, max-age=60"}, nil, "hit 200 1"},
		{"5.2 a comma in quotes", []string{`Cache-Control: x="a, no-store", max-age=60`}, nil, "hit 200 1"},
		{"5.2 upper case", []string{"Cache-Control: MAX-AGE=60"}, nil, "hit 200 1"},
		{"5.1 Age", []string{"Cache-Control: max-age=60", "Age: 55"}, nil, "miss 200 2"},
		{"5.2.1.4 no-cache", []string{"Cache-Control: max-age=60"}, []string{"Cache-Control: no-cache"}, "miss 200 2"},
		{"5.2.1.5 no-store", []string{"Cache-Control: max-age=60"}, []string{"Cache-Control: no-store"}, "miss 200 2"},
		{"5.4 Pragma", []string{"Cache-Control: max-age=60"}, []string{"Pragma: no-cache"}, "miss 200 2"},
		{"5.2.1.1 max-age=5", []string{"Cache-Control: max-age=60"}, []string{"Cache-Control: max-age=5"}, "miss 200 2"},
		{"5.2.1.3 min-fresh=55", []string{"Cache-Control: max-age=60"}, []string{"Cache-Control: min-fresh=55"}, "miss 200 2"},
		{"5.2.1.2 max-stale", []string{"Cache-Control: max-age=1"}, []string{"Cache-Control: max-stale=60"}, "hit 200 1"},
		{"5.2.1.2 max-stale, but must-revalidate", []string{"Cache-Control: max-age=1, must-revalidate"}, []string{"Cache-Control: max-stale"}, "miss 200 2"},
		{"5.2.1.7 only-if-cached", nil, []string{"Cache-Control: only-if-cached"}, ErrNotCached.Error()},
		{"5.2.1.7 only-if-cached, fresh", []string{"Cache-Control: max-age=60"}, []string{"Cache-Control: only-if-cached"}, "hit 200 1"},
		{"4.1 Vary, another value", []string{"Cache-Control: max-age=60", "Vary: Accept-Language"}, []string{"Accept-Language: de"}, "miss 200 2"},
		{"4.1 Vary, the same value", []string{"Cache-Control: max-age=60", "Vary: accept-language"}, nil, "hit 200 1"},
		{"4.1 Vary: *", []string{"Cache-Control: max-age=60", "Vary: *"}, nil, "miss 200 2"},
		{"4.1 no Vary", []string{"Cache-Control: max-age=60"}, []string{"Accept-Language: de"}, "hit 200 1"},
		{"RFC 9110 13.1.2 If-None-Match", []string{"Cache-Control: max-age=60", `ETag: W/"a"`}, []string{`If-None-Match: "b", "a"`}, "hit 304 "},
	}
	for _, test := range cases {
		t.Run(test.section, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{answer: func(call int, _ http.Header) *http.Response {
					return answer(http.StatusOK, fmt.Sprint(call), test.first...)
				}}
				c := newTestCache()
				if got := do(t, c, ask("ada", "/x"), u.send); got != "miss 200 1" {
					t.Fatalf("the first got %q", got)
				}
				time.Sleep(10 * time.Second)
				if got := do(t, c, ask("ada", "/x", test.client...), u.send); got != test.want {
					t.Errorf("the second got %q, want %q", got, test.want)
				}
			})
		})
	}
}

// TestGetWithABodyGoesAlone checks that a GET with a body is neither kept nor answered from what is kept.
func TestGetWithABodyGoesAlone(t *testing.T) {
	u := &upstream{answer: func(call int, _ http.Header) *http.Response {
		return answer(http.StatusOK, fmt.Sprint(call), "Cache-Control: max-age=60")
	}}
	c := newTestCache()
	for _, test := range []struct{ body, want string }{
		{"{}", "miss 200 1"}, {"", "miss 200 2"}, {"{}", "miss 200 3"}, {"", "hit 200 2"},
	} {
		a := ask("ada", "/x")
		if test.body != "" {
			a.Request.Body = io.NopCloser(strings.NewReader(test.body))
		}
		if got := do(t, c, a, u.send); got != test.want {
			t.Errorf("with the body %q got %q, want %q", test.body, got, test.want)
		}
	}
}

func TestRevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{answer: func(call int, conditions http.Header) *http.Response {
			if conditions.Get("If-None-Match") == `"a"` {
				return answer(http.StatusNotModified, "", "Cache-Control: max-age=5")
			}
			return answer(http.StatusOK, "text", "Cache-Control: max-age=5", `ETag: "a"`)
		}}
		c := newTestCache()
		for _, want := range []string{"miss 200 text", "revalidated 200 text", "revalidated 200 text"} {
			if got := do(t, c, ask("ada", "/x"), u.send); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			time.Sleep(4 * time.Second)
			if got := do(t, c, ask("ada", "/x"), u.send); got != "hit 200 text" {
				t.Errorf("got %q a moment later", got)
			}
			time.Sleep(4 * time.Second)
		}
	})
}

func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{answer: func(call int, _ http.Header) *http.Response {
			return answer(http.StatusOK, fmt.Sprint(call), "Cache-Control: private, max-age=0")
		}}
		c := newTestCache()
		player := func() *Ask {
			a := ask("ada", "/me/player")
			a.Reuse = 3 * time.Second
			return a
		}
		for _, want := range []string{"miss 200 1", "hit 200 1", "hit 200 1", "miss 200 2", "hit 200 2"} {
			if got := do(t, c, player(), u.send); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			time.Sleep(time.Second + 1)
		}
	})
}

func TestOwnersAreApart(t *testing.T) {
	u := &upstream{answer: func(call int, _ http.Header) *http.Response {
		return answer(http.StatusOK, fmt.Sprint(call), "Cache-Control: public, max-age=60")
	}}
	c := newTestCache()
	for i, owner := range []string{"ada", "bob"} {
		for _, from := range []string{"miss", "hit"} {
			if got, want := do(t, c, ask(owner, "/x"), u.send), fmt.Sprintf("%s 200 %d", from, i+1); got != want {
				t.Errorf("%s got %q, want %q", owner, got, want)
			}
		}
	}
}

// TestWriteDrops checks that a write forgets what is kept for its owner alone, unless it was rejected.
func TestWriteDrops(t *testing.T) {
	for status, want := range map[int]string{200: "miss", 204: "miss", 302: "miss", 500: "miss", 400: "hit", 403: "hit", 429: "hit"} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			u := &upstream{answer: func(int, http.Header) *http.Response {
				return answer(http.StatusOK, "", "Cache-Control: max-age=60")
			}}
			c := newTestCache()
			var written []string
			c.Written = func(_ context.Context, owner string) { written = append(written, owner) }
			do(t, c, ask("ada", "/x"), u.send)
			do(t, c, ask("bob", "/x"), u.send)
			do(t, c, askBy(t.Context(), http.MethodPut, "ada", "/y"), func(context.Context, http.Header, Turn) (*http.Response, error) {
				return answer(status, ""), nil
			})
			if got := do(t, c, ask("ada", "/x"), u.send); got != want+" 200 " {
				t.Errorf("after the write the owner got %q, want %s", got, want)
			}
			if got := do(t, c, ask("bob", "/x"), u.send); got != "hit 200 " {
				t.Errorf("after the write another owner got %q", got)
			}
			if told := len(written) == 1 && written[0] == "ada"; told != (want == "miss") {
				t.Errorf("the other replicas were told of %q", written)
			}
		})
	}
}

// TestBound asks for a hundred thousand addresses.
func TestBound(t *testing.T) {
	u := &upstream{answer: func(int, http.Header) *http.Response {
		return answer(http.StatusOK, strings.Repeat("y", 200), "Cache-Control: max-age=60")
	}}
	c := NewCache(CacheConfig{Size: 1 << 20}, time.Now)
	for i := range 20_000 {
		do(t, c, ask(fmt.Sprint("user", i%100), fmt.Sprint("/x?", i)), u.send)
		if size := c.Size(); size > 1<<20 {
			t.Fatalf("%d bytes are kept", size)
		}
	}
	if got := do(t, c, ask("user99", "/x?19999"), u.send); got[:3] != "hit" {
		t.Errorf("the newest got %q", got)
	}
	if got := do(t, c, ask("user0", "/x?0"), u.send); got[:4] != "miss" {
		t.Errorf("the oldest got %q", got)
	}
	c.DropAll()
	if c.Size() != 0 || len(c.owners) != 0 {
		t.Errorf("%d bytes of %d owners are left", c.Size(), len(c.owners))
	}
}

// TestStaleWhileScarce checks that what is kept serves, and is renewed behind.
func TestStaleWhileScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second, answer: func(call int, _ http.Header) *http.Response {
			return answer(http.StatusOK, fmt.Sprint(call), "Cache-Control: max-age=0")
		}}
		c := newTestCache()
		scarce := false
		c.Scarce = func(Turn) bool { return scarce }
		do(t, c, ask("ada", "/x"), u.send)
		scarce = true
		for _, want := range []string{"stale 200 1", "stale 200 1"} {
			if got := do(t, c, ask("ada", "/x"), u.send); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		time.Sleep(2 * time.Second)
		if got := do(t, c, ask("ada", "/x"), u.send); got != "stale 200 2" || u.count() > 3 {
			t.Errorf("later got %q after %d calls", got, u.count())
		}
		if got := do(t, c, ask("ada", "/x", "Cache-Control: no-cache"), u.send); got[:4] == "hit " || got[:5] == "stale" {
			t.Errorf("no-cache got %q", got)
		}
		time.Sleep(2 * time.Hour)
		if got := do(t, c, ask("ada", "/x"), u.send); got[:4] != "miss" {
			t.Errorf("after two hours got %q", got)
		}
	})
}

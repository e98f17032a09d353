package quota

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// step is a request, and what it gets. Time passes before it.
type step struct {
	after time.Duration
	ask   *Ask
	want  string
}

// TestSequences goes through what several requests in a row get, where RFC 9111 says more than for one.
func TestSequences(t *testing.T) {
	const de, en = "Accept-Language: de", "Accept-Language: en"
	day := func(s int) string { return time.Date(2000, 1, 1, 0, 0, s, 0, time.UTC).Format(http.TimeFormat) }
	reused := ask("ada", "/x")
	reused.Reuse = time.Minute
	for name, c := range map[string]struct {
		answers []*http.Response // in their order; the last for all that follow
		delay   time.Duration    // of each answer
		steps   []step
	}{
		"4.2.3 the time that an answer takes is a part of its age": {
			[]*http.Response{answer(200, "1", "Cache-Control: max-age=3"), answer(200, "2", "Cache-Control: max-age=3")}, 2 * time.Second,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {500 * time.Millisecond, ask("ada", "/x"), "hit 200 1"}, {time.Second, ask("ada", "/x"), "miss 200 2"}},
		},
		"4.3.4 a 304 with another Vary": {
			[]*http.Response{answer(200, "1", `ETag: "a"`), answer(304, "", "Vary: Accept-Language", "Cache-Control: max-age=60"), answer(200, "2")}, 0,
			[]step{{0, ask("ada", "/x", de), "miss 200 1"}, {1, ask("ada", "/x", de), "revalidated 200 1"}, {1, ask("ada", "/x", de), "hit 200 1"}, {1, ask("ada", "/x", en), "miss 200 2"}},
		},
		"4.3.4 a 304 with Vary: *": {
			[]*http.Response{answer(200, "1", `ETag: "a"`), answer(304, "", "Vary: *", "Cache-Control: max-age=60"), answer(200, "2")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x"), "revalidated 200 1"}, {1, ask("ada", "/x"), "miss 200 2"}},
		},
		"4.3.4 a 304 with Expires and without Date": {
			[]*http.Response{answer(200, "1", `ETag: "a"`, "Expires: "+day(10)), bare(304, "Expires: "+day(70)), answer(200, "2")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {time.Minute, ask("ada", "/x"), "revalidated 200 1"}, {time.Minute / 2, ask("ada", "/x"), "miss 200 2"}},
		},
		"4 a reload with an answer that is not kept": {
			[]*http.Response{answer(200, "1", "Cache-Control: max-age=60"), answer(200, "2", "Cache-Control: no-store"), answer(200, "3")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x", "Cache-Control: no-cache"), "miss 200 2"}, {1, ask("ada", "/x"), "miss 200 3"}},
		},
		"4 a reload after which it is gone": {
			[]*http.Response{answer(200, "1", "Cache-Control: max-age=60"), answer(404, "2"), answer(404, "3")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x", "Cache-Control: max-age=0"), "miss 404 2"}, {1, ask("ada", "/x"), "miss 404 3"}},
		},
		"4 a reload that fails": {
			[]*http.Response{answer(200, "1", "Cache-Control: max-age=60"), answer(502, "2")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x", "Cache-Control: no-cache"), "miss 502 2"}, {1, ask("ada", "/x"), "hit 200 1"}},
		},
		"3.3 a part is not kept": {
			[]*http.Response{answer(206, "1", "Cache-Control: max-age=60"), answer(200, "2", "Cache-Control: max-age=60")}, 0,
			[]step{{0, ask("ada", "/x", "Range: bytes=0-0"), "miss 206 1"}, {1, ask("ada", "/x"), "miss 200 2"}, {1, ask("ada", "/x"), "hit 200 2"}},
		},
		"4.3.1 a 304 to the client's own condition is not kept": {
			[]*http.Response{answer(304, "", "Cache-Control: max-age=60"), answer(200, "2", "Cache-Control: max-age=60")}, 0,
			[]step{{0, ask("ada", "/x", `If-None-Match: "a"`), "miss 304 "}, {1, ask("ada", "/x"), "miss 200 2"}},
		},
		"4.3.2 a client's condition is answered when ours is": {
			[]*http.Response{answer(200, "1", `ETag: "a"`), answer(304, ""), answer(304, "")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x", `If-None-Match: "a"`), "revalidated 304 "}, {1, ask("ada", "/x", `If-None-Match: "b"`), "revalidated 200 1"}},
		},
		"9.3.2 of RFC 9110 HEAD is served from a GET's answer and keeps nothing": {
			[]*http.Response{answer(200, "", "Cache-Control: max-age=60"), answer(200, "2", "Cache-Control: max-age=60")}, 0,
			[]step{{0, head("/x"), "miss 200 "}, {1, ask("ada", "/x"), "miss 200 2"}, {1, head("/x"), "hit 200 "}},
		},
		"5.2.2.5 no-store against reuse": {
			[]*http.Response{answer(200, "1", "Cache-Control: no-store"), answer(200, "2")}, 0,
			[]step{{0, reused, "miss 200 1"}, {1, reused, "miss 200 2"}, {1, reused, "hit 200 2"}},
		},
		"5.2.1.7 only-if-cached with no-cache": {
			[]*http.Response{answer(200, "1", "Cache-Control: max-age=60")}, 0,
			[]step{{0, ask("ada", "/x"), "miss 200 1"}, {1, ask("ada", "/x", "Cache-Control: no-cache, only-if-cached"), ErrNotCached.Error()}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{delay: c.delay, answer: func(call int, _ http.Header) *http.Response {
					res := c.answers[min(call, len(c.answers))-1]
					if res.Header.Get("Date") != "" {
						res.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
					}
					return res
				}}
				cache := newTestCache()
				for i, s := range c.steps {
					time.Sleep(s.after)
					if got := do(t, cache, s.ask, u.send); got != s.want {
						t.Errorf("step %d got %q, want %q", i+1, got, s.want)
					}
				}
			})
		})
	}
}

// bare is an answer without a Date.
func bare(status int, lines ...string) *http.Response {
	res := answer(status, "", lines...)
	delete(res.Header, "Date")
	return res
}

func head(path string) *Ask { return askBy(context.Background(), http.MethodHead, "ada", path) }

// TestAgeLeavesOutTheWait checks that an answer does not age while its call waits for a turn.
func TestAgeLeavesOutTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCache()
		res, _, err := c.Do(ask("ada", "/x"), func(_ context.Context, _ http.Header, turn Turn) (*http.Response, error) {
			time.Sleep(time.Minute)
			turn.leave()
			time.Sleep(3 * time.Second)
			return answer(http.StatusOK, "1", "Cache-Control: max-age=30"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		drain(res)
		res, from, err := c.Do(ask("ada", "/x"), nil)
		if err != nil || from != FromHit || res.Header.Get("Age") != "3" {
			t.Errorf("the second got %s with Age %q, %v", from, res.Header.Get("Age"), err)
		}
	})
}

// TestHeadRenewsNothing has a HEAD be answered from what is stale while calls are scarce, and then a GET when they are not: it
// does not get the empty body of a HEAD's renewal.
func TestHeadRenewsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newTestCache()
		var scarce bool
		c.Scarce = func(Turn) bool { return scarce }
		n := 0
		send := func(method string) Send {
			return func(_ context.Context, _ http.Header, turn Turn) (*http.Response, error) {
				n++
				turn.leave()
				body := fmt.Sprint(n)
				time.Sleep(time.Second)
				if method == http.MethodHead {
					body = ""
				}
				res := answer(http.StatusOK, body)
				res.ContentLength = -1
				return res, nil
			}
		}
		if got := do(t, c, ask("ada", "/x"), send(http.MethodGet)); got != "miss 200 1" {
			t.Fatalf("the first got %q", got)
		}
		time.Sleep(time.Minute)
		scarce = true
		if got := do(t, c, head("/x"), send(http.MethodHead)); got != "stale 200 " {
			t.Errorf("HEAD got %q", got)
		}
		synctest.Wait()
		scarce = false
		if got := do(t, c, ask("ada", "/x"), send(http.MethodGet)); got != "miss 200 2" {
			t.Errorf("GET got %q", got)
		}
	})
}

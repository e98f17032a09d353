package quota

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteOutdatesCalls checks that a GET that began before a write is neither kept nor joined after it.
func TestWriteOutdatesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second, answer: func(call int, _ http.Header) *http.Response {
			return answer(http.StatusOK, fmt.Sprint(call), "Cache-Control: max-age=60")
		}}
		c := newTestCache()
		var early sync.WaitGroup
		early.Go(func() {
			if got := do(t, c, ask("ada", "/x"), u.send); got != "miss 200 1" {
				t.Errorf("the early GET got %q", got)
			}
		})
		synctest.Wait()
		c.Drop("ada")
		if got := do(t, c, ask("ada", "/x"), u.send); got != "miss 200 2" {
			t.Errorf("the GET after the write got %q", got)
		}
		early.Wait()
		if got := do(t, c, ask("ada", "/x"), u.send); got != "hit 200 2" {
			t.Errorf("the GET after both got %q", got)
		}
	})
}

func TestJoin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &upstream{delay: time.Second, answer: func(call int, _ http.Header) *http.Response {
			return answer(http.StatusOK, fmt.Sprint(call))
		}}
		c := newTestCache()
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			got   = map[string]int{}
		)
		leader, leave := context.WithCancel(t.Context())
		group.Go(func() {
			if got := do(t, c, askBy(leader, http.MethodGet, "ada", "/x"), u.send); got != context.Canceled.Error() {
				t.Errorf("the one that left got %q", got)
			}
		})
		synctest.Wait()
		for range 50 {
			group.Go(func() {
				answer := do(t, c, ask("ada", "/x"), u.send)
				mu.Lock()
				defer mu.Unlock()
				got[answer]++
			})
		}
		group.Go(func() { do(t, c, ask("bob", "/x"), u.send) })
		synctest.Wait()
		leave()
		group.Wait()
		if got["joined 200 1"] != 50 || u.count() != 2 {
			t.Errorf("50 that joined got %v with %d calls, want one call and one of bob's", got, u.count())
		}
	})
}

// TestAllLeave checks that a call ends when no request waits for it any more, and that nothing stays behind.
func TestAllLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		c := newTestCache()
		ctx, leave := context.WithCancel(t.Context())
		go func() { _, _, _ = c.Do(askBy(ctx, http.MethodGet, "ada", "/x"), hang(ended)) }()
		synctest.Wait()
		leave()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the call ended with %v", err)
		}
		synctest.Wait()
		c.mu.Lock()
		defer c.mu.Unlock()
		if len(c.owners) != 0 {
			t.Errorf("%d owners are left", len(c.owners))
		}
	})
}

func hang(ended chan<- error) Send {
	return func(ctx context.Context, _ http.Header, _ Turn) (*http.Response, error) {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}
}

// TestLeaderLeaves checks that what a request passes on as it comes ends when the request does, whatever the upstream sends.
func TestLeaderLeaves(t *testing.T) {
	for name, kind := range map[string]string{"event stream": "text/event-stream", "spooled": "application/json"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newTestCache()
				silent := func(ctx context.Context, _ http.Header, _ Turn) (*http.Response, error) {
					res := answer(http.StatusOK, "", "Content-Type: "+kind)
					res.Body, res.ContentLength = silence{ctx}, -1
					return res, nil
				}
				ctx, leave := context.WithCancel(t.Context())
				res, _, err := c.Do(askBy(ctx, http.MethodGet, "ada", "/x"), silent)
				if err != nil {
					t.Fatal(err)
				}
				read := make(chan error, 1)
				go func() {
					_, err := res.Body.Read(make([]byte, 1))
					read <- err
				}()
				synctest.Wait()
				leave()
				if err := <-read; !errors.Is(err, context.Canceled) {
					t.Errorf("the read ended with %v", err)
				}
				_ = res.Body.Close()
				synctest.Wait()
				c.mu.Lock()
				defer c.mu.Unlock()
				if len(c.owners) != 0 {
					t.Errorf("%d owners are left", len(c.owners))
				}
			})
		})
	}
}

// silence is a body of which nothing comes before its call ends.
type silence struct{ ctx context.Context }

func (s silence) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (silence) Close() error { return nil }

// TestPanicOfACall checks that the requests that have joined a call do not wait for ever when it panics.
func TestPanicOfACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, u := newTestCache(), &upstream{answer: func(int, http.Header) *http.Response { return answer(http.StatusOK, "its own") }}
		go func() {
			defer func() { _ = recover() }()
			_, _, _ = c.Do(ask("ada", "/x"), func(ctx context.Context, _ http.Header, _ Turn) (*http.Response, error) {
				panic(waitFor(ctx, nil, time.Second))
			})
		}()
		synctest.Wait()
		if got := do(t, c, ask("ada", "/x"), u.send); got != "miss 200 its own" {
			t.Errorf("the one that joined got %q", got)
		}
	})
}

// TestLongAnswers checks that what is too long to be shared streams to the one that began, and that the others go alone.
func TestLongAnswers(t *testing.T) {
	long := strings.Repeat("x", maxShared+10)
	for name, change := range map[string]func(*http.Response){
		"announced":    func(*http.Response) {},
		"unknown":      func(res *http.Response) { res.ContentLength = -1 },
		"event stream": func(res *http.Response) { res.Header.Set("Content-Type", "text/event-stream; charset=utf-8") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{delay: time.Second, answer: func(int, http.Header) *http.Response {
					res := answer(http.StatusOK, long, "Cache-Control: max-age=60")
					change(res)
					return res
				}}
				c := newTestCache()
				var group sync.WaitGroup
				for range 3 {
					group.Go(func() {
						if got := do(t, c, ask("ada", "/x"), u.send); got != "miss 200 "+long {
							t.Errorf("got %d bytes, %.40q…", len(got), got)
						}
					})
				}
				group.Wait()
				if u.count() != 3 || c.Size() != 0 {
					t.Errorf("%d calls, %d bytes kept", u.count(), c.Size())
				}
			})
		})
	}
}

func TestErrorsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, cause, calls := newTestCache(), errors.New("no route to host"), 0
		send := func(ctx context.Context, _ http.Header, _ Turn) (*http.Response, error) {
			calls++
			return nil, errors.Join(waitFor(ctx, nil, time.Second), cause)
		}
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if _, _, err := c.Do(ask("ada", "/x"), send); !errors.Is(err, cause) {
					t.Errorf("got %v", err)
				}
			})
		}
		group.Wait()
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// trailing is a body that completes the trailer of its answer: with hostile lines at its end, without them when it is closed.
type trailing struct {
	io.Reader
	res *http.Response
}

func (b *trailing) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		b.res.Trailer = http.Header{"X-Late": {"yes"}, "Hostile": {"yes"}}
	}
	return n, err
}

func (b *trailing) Close() error {
	delete(b.res.Trailer, "Hostile")
	return nil
}

// TestTrailers reads answers whose trailers were not announced: the first reader and those of the kept answer see them as they are
// when the body is closed.
func TestTrailers(t *testing.T) {
	for name, length := range map[string]int{"shared": 100, "too long to be shared": maxShared + 1} {
		c := newTestCache()
		spotify := &upstream{answer: func(int, http.Header) *http.Response {
			res := answer(http.StatusOK, "", "Cache-Control: max-age=60")
			res.ContentLength = -1
			res.Body = &trailing{strings.NewReader(strings.Repeat("x", length)), res}
			return res
		}}
		for range 2 {
			res, from, err := c.Do(ask("ada", "/me"), spotify.send)
			if err != nil {
				t.Fatal(err)
			}
			read, err := io.Copy(io.Discard, res.Body)
			if closed := res.Body.Close(); err != nil || closed != nil || read != int64(length) {
				t.Errorf("%s, %s: %d bytes, %v, %v", name, from, read, err, closed)
			}
			if len(res.Trailer) != 1 || res.Trailer.Get("X-Late") != "yes" {
				t.Errorf("%s, %s: the trailer is %v", name, from, res.Trailer)
			}
		}
	}
}

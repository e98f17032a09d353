package attack

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// TestIdleConnections opens ten thousand connections, where the system allows it, and some more than the gateway takes. The
// surplus goes at the expense of its like: everybody who asks for something is served, over new connections too.
func TestIdleConnections(t *testing.T) {
	stage.OnlyLong(t, "thousands of connections")
	const surplus = 300
	crowd := min(10_000, filesToSpare(t)-surplus)
	w := stage.NewWorld(t, stage.Options{Pprof: true, Server: fmt.Sprintf("max_connections: %d", crowd)})
	a, b := newAttacks(t, fmt.Sprintf("%d idle connections", crowd+surplus)), newBystander(t, w)
	before := b.p.Footprint()
	idle := make(chan net.Conn, crowd+surplus)
	b.measure(t, "idle connections", func() {
		atOnce(64, func(n int) {
			for range (crowd+surplus)/64 + 1 {
				conn, err := net.Dial("tcp", b.p.Public())
				if err != nil {
					t.Errorf("cannot connect: %v", err)
					return
				}
				if n%2 == 0 { // these have asked for something once
					_, _ = io.WriteString(conn, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
				}
				select {
				case idle <- conn:
				default:
					_ = conn.Close() // there are enough
				}
			}
		})
	})
	full := b.p.Footprint()
	b.measure(t, "idle connections, later", func() {})
	a.expect(full.Descriptors <= crowd+100, "the gateway has %d descriptors open, and shall keep %d connections", full.Descriptors, crowd)
	each := (full.ResidentMiB - before.ResidentMiB) << 10 / crowd
	a.expect(each < underRace(64, 256), "an idle connection costs %d KiB", each)
	t.Logf("an idle connection costs %d KiB", each)
	close(idle)
	var cut atomic.Int64
	atOnce(64, func(int) {
		for conn := range idle {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond)) // all that comes has come
			if _, err := io.Copy(io.Discard, conn); !errors.Is(err, os.ErrDeadlineExceeded) {
				cut.Add(1)
			}
			_ = conn.Close()
		}
	})
	a.expect(cut.Load() >= surplus, "%d connections made room for others, want at least %d", cut.Load(), surplus)
}

// filesToSpare is how many files a process may open beyond those that other tests need.
func filesToSpare(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	spare := int(min(limit.Cur, 1<<20)) / 2
	if spare < 10_300 {
		t.Logf("The system allows %d open files; ten thousand connections want 20600.", limit.Cur)
	}
	return spare
}

// TestLoginsAtOnce begins a thousand logins that are not finished. They leave nothing in Redis; one that is finished leaves
// the mark that its state was used, which goes by itself.
func TestLoginsAtOnce(t *testing.T) {
	stage.OnlyLong(t, "a flood of logins")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Pprof: true})
	a, b := newAttacks(t, "logins at once"), newBystander(t, w)
	before := len(w.Keys("*"))
	const logins = 1000
	b.measure(t, "logins at once", func() {
		var left atomic.Int64
		left.Store(logins)
		atOnce(32, func(int) {
			for left.Add(-1) >= 0 {
				r, _ := http.NewRequest(http.MethodGet, b.Origin+"/auth/login", nil)
				r.Host = strings.TrimPrefix(w.Balancer.URL, "http://") // by another loopback name it would be led there
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					a.expect(false, "no answer: %v", err)
					continue
				}
				_ = response.Body.Close()
				a.expect(response.StatusCode == http.StatusFound && strings.HasPrefix(response.Header.Get("Location"), w.Accounts.URL+"/authorize?"),
					"answered %d to %s", response.StatusCode, response.Header.Get("Location"))
			}
		})
	})
	keys := w.Keys("*")
	if len(keys) != before {
		t.Errorf("%d logins made %d keys", logins, len(keys)-before)
	}
	w.Visitor().Login("ada")
	if marks := w.Keys("*login:*"); len(marks) != 2 { // the bystander's, too
		t.Errorf("two finished logins left the marks %v", marks)
	}
	for _, key := range w.Keys("*login:*") {
		if left, err := w.Redis.Do("PTTL", key); err != nil || left.(int64) <= 0 || left.(int64) > (11*time.Minute).Milliseconds() {
			t.Fatalf("%s lives for %v ms, %v", key, left, err)
		}
	}
	w.Redis.Advance(11 * time.Minute)
	sessiontest.Eventually(t, stage.StartTime, "the marks of the logins are gone", func() bool { return len(w.Keys("*login:*")) == 0 })
	b.ExpectMe("ada")
}

// TestGuessedSessions tries ids of no session. A guess reads Redis once and writes nothing.
func TestGuessedSessions(t *testing.T) {
	stage.OnlyLong(t, "a flood of guesses")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Pprof: true})
	a, b := newAttacks(t, "guessed session ids"), newBystander(t, w)
	const guesses = 2000
	before, written := w.Keys("*"), writtenOf(w)
	var once sync.Once
	b.measure(t, "guessed session ids", func() {
		atOnce(8, func(n int) {
			client := &http.Client{Transport: &http.Transport{}}
			for range guesses / 8 {
				id := make([]byte, 32)
				_, _ = rand.Read(id)
				r, _ := http.NewRequest(http.MethodGet, b.Origin+"/api/me", nil)
				r.Header.Set("Cookie", "stagedoor="+base64.RawURLEncoding.EncodeToString(id))
				response, err := client.Do(r)
				if err != nil {
					a.expect(false, "no answer: %v", err)
					return
				}
				_ = response.Body.Close()
				a.expect(response.StatusCode == http.StatusUnauthorized && response.Header.Get("Stagedoor-Reason") == "LOGIN_REQUIRED",
					"answered %d %s", response.StatusCode, response.Header.Get("Stagedoor-Reason"))
				once.Do(func() { a.expect(response.Header.Get("Set-Cookie") == "", "a guess was given a cookie") })
			}
		})
	})
	// A replica looks every 5 s whether its store takes writes, which is far less than one write a guess.
	if after := w.Keys("*"); len(after) != len(before) || writtenOf(w)-written > 10*guesses {
		t.Errorf("Redis had %d keys and has %d; it wrote %d bytes", len(before), len(after), writtenOf(w)-written)
	}
	written = writtenOf(w)
	if a := b.Do(http.MethodPost, "/auth/logout", "", "Origin", b.W.Balancer.URL); a.Status != http.StatusNoContent {
		t.Errorf("logout answered %d %s", a.Status, a.Body)
	}
	if writtenOf(w) == written {
		t.Error("a logout writes nothing, so that what is measured here says nothing")
	}
}

// writtenOf is how many bytes of changes Redis has noted.
func writtenOf(w *stage.World) int {
	w.T.Helper()
	info, err := w.Redis.Do("INFO", "persistence")
	if err != nil {
		w.T.Fatal(err)
	}
	_, rest, _ := strings.Cut(info.(string), "aof_current_size:")
	var size int
	if _, err := fmt.Sscanf(rest, "%d", &size); err != nil {
		w.T.Fatalf("Redis does not say how much it has written: %v in %.200s", err, info)
	}
	return size
}

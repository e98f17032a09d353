package attack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// slowWorld has limits that are short enough to wait for, and a frontend that never stops talking.
type slowWorld struct {
	*stage.World
	*attacks
	t      testing.TB
	addr   string
	cookie string       // of the session of somebody who attacks
	ended  atomic.Int64 // endless answers of the frontend that have ended after all
	before stage.Footprint
}

func newSlowWorld(t *testing.T) *slowWorld {
	s := &slowWorld{t: t}
	frontend := httptest.NewServer(http.HandlerFunc(s.talk))
	t.Cleanup(frontend.Close)
	s.World = stage.NewWorld(t, stage.Options{
		Pprof:  true,
		Server: "read_header_timeout: 2s\nread_body_timeout: 1s\nwrite_stall_timeout: 1s\n",
		Routes: fmt.Sprintf("\n  - %s\n  - {path: /app/, upstream: %q}\n%s", stage.UserRoute, frontend.URL, stage.Pages{}.Route(t)),
	})
	s.addr = s.Replicas[0].Public()
	return s
}

// talk is the frontend: it takes bodies, answers for ever, or switches protocols and then talks for ever.
func (s *slowWorld) talk(w http.ResponseWriter, r *http.Request) {
	var to io.Writer = w
	if r.Header.Get("Upgrade") != "" {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		to = conn
	} else if _, err := io.Copy(io.Discard, r.Body); err != nil || !strings.HasSuffix(r.URL.Path, "/endless") {
		return
	}
	defer s.ended.Add(1)
	for piece := make([]byte, 32<<10); ; {
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

// rawCookie is the visitor's cookie as a header.
func rawCookie(v *stage.Visitor) string {
	v.T.Helper()
	u, err := url.Parse(v.Origin)
	if err != nil {
		v.T.Fatal(err)
	}
	var pairs []string
	for _, cookie := range v.Client.Jar.Cookies(u) {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return "Cookie: " + strings.Join(pairs, "; ") + "\r\n"
}

// atOnce runs so many of an attack.
func atOnce(count int, attack func(n int)) {
	var all sync.WaitGroup
	for n := range count {
		all.Go(func() { attack(n) })
	}
	all.Wait()
}

// connect opens a connection that the test does not wait for longer than startTime.
func (s *slowWorld) connect() net.Conn {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		s.expect(false, "no connection: %v", err)
		return nil
	}
	_ = conn.SetDeadline(time.Now().Add(stage.StartTime))
	return conn
}

// trickle sends a little now and then, until the connection is cut.
func trickle(conn net.Conn, drop string) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(conn, drop); err != nil {
			return
		}
	}
}

// TestSlowClients attacks with patience: each must be cut, and no other client may suffer.
func TestSlowClients(t *testing.T) {
	stage.OnlyLong(t, "hundreds of slow clients")
	t.Parallel()
	s := newSlowWorld(t)
	attacker := s.Visitor()
	attacker.Login("ada")
	s.cookie = rawCookie(attacker)
	b := newBystander(t, s.World)
	s.before = s.Replicas[0].Footprint()
	for _, attack := range []struct {
		name string
		run  func()
	}{{"slow headers", s.slowHeaders}, {"slow bodies", s.slowBodies}, {"slow readers", s.slowReaders}} {
		s.attacks = newAttacks(t, attack.name)
		b.measure(t, attack.name, attack.run)
	}
	s.settled()
}

// settled wants all that the attacks had to be given back.
func (s *slowWorld) settled() {
	sessiontest.Eventually(s.t, stage.StartTime, "the gateway has forgotten the attacks", func() bool {
		now := s.Replicas[0].Footprint()
		return now.Goroutines < s.before.Goroutines+50 && now.Descriptors < s.before.Descriptors+50
	})
	// What the attacks held at once, in the open windows of kernels aside: a few buffers a connection.
	if now := s.Replicas[0].Footprint(); now.PeakMiB > s.before.ResidentMiB+200 {
		s.t.Errorf("the gateway took up to %d MiB, and %d before", now.PeakMiB, s.before.ResidentMiB)
	}
}

func (s *slowWorld) slowHeaders() {
	beginnings := []string{"", "G", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "PRI * HTTP/2.0\r\n"}
	atOnce(100, func(n int) {
		conn := s.connect()
		if conn == nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, beginnings[n%len(beginnings)])
		go trickle(conn, "x")
		answer, err := io.ReadAll(conn)
		s.expect(!errors.Is(err, os.ErrDeadlineExceeded) && !strings.HasPrefix(string(answer), "HTTP/1.1 2"),
			"%q is still waited for: %.100s %v", beginnings[n%len(beginnings)], answer, err)
	})
}

// slowBody is a body that never ends, and the answer that its sender gets.
type slowBody struct {
	head, drop string
	status     int
}

func (s *slowWorld) slowBodies() {
	const long, chunked, script = "Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n", "Stagedoor-Request: 1\r\n"
	queue := "POST /api/me/player/queue?uri=spotify:track:x HTTP/1.1\r\nHost: x\r\n" + script + s.cookie
	stream := fmt.Sprintf("%x\r\n%s\r\n", 300<<10, strings.Repeat("x", 300<<10))
	bodies := []slowBody{
		{queue + long + "\r\n", "x", 408},
		{queue + chunked + "\r\n", "1\r\nx\r\n", 408},
		{queue + chunked + "\r\n", "", 408},
		{queue + "Content-Length: 900000\r\n\r\n" + strings.Repeat("x", 300<<10), "x", 408},
		{queue + chunked + "\r\n" + stream, "1\r\nx\r\n", 408},
		{"POST /api/me/player/next HTTP/1.1\r\nHost: x\r\n" + script + long + "\r\n", "x", 401},
		{"POST /auth/logout HTTP/1.1\r\nHost: x\r\n" + script + long + "\r\n", "x", 204},
		{"POST / HTTP/1.1\r\nHost: x\r\n" + chunked + "\r\n", "1\r\nx\r\n", 405},
		{"POST /app/upload HTTP/1.1\r\nHost: x\r\n" + long + "\r\nxx", "", 408},
	}
	atOnce(5*len(bodies), func(n int) {
		c := bodies[n%len(bodies)]
		conn := s.connect()
		if conn == nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, c.head)
		if c.drop != "" {
			go trickle(conn, c.drop)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			s.expect(false, "%.40q: no answer: %v", c.head, err)
			return
		}
		_ = response.Body.Close()
		s.expect(response.StatusCode == c.status, "%.40q: answered %d, want %d", c.head, response.StatusCode, c.status)
	})
	for _, seen := range s.Spotify.Seen(simulator.Filter{Match: simulator.Match{Method: http.MethodPost, Side: simulator.SideAPI}}) {
		s.expect(seen.Status == 0, "Spotify has carried out a part of a body: %+v", seen)
	}
}

// slowReaders ask for what never ends, as an answer or over a WebSocket, and read nothing.
func (s *slowWorld) slowReaders() {
	const readers = 60
	const get, upgrade = "GET /app/endless HTTP/1.1\r\nHost: x\r\n", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
	for n := range readers {
		conn := s.connect()
		if conn == nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = io.WriteString(conn, []string{get + "\r\n", get + upgrade + "\r\n"}[n%2])
	}
	// A client that never reads does not see that the connection is cut; the frontend does.
	_ = soon(func() bool { return s.ended.Load() == readers })
	for n := range int64(readers) {
		s.expect(n < s.ended.Load(), "an answer of the frontend goes on")
	}
	broken := func() int {
		return len(s.Replicas[0].Logged(func(l stage.LogLine) bool { return strings.HasSuffix(l.Path, "/endless") && l.Error != "" }))
	}
	if !soon(func() bool { return broken() == readers/2 }) {
		s.t.Errorf("the log tells of %d answers that broke off, want %d", broken(), readers/2)
	}
}

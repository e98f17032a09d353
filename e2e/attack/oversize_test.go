package attack

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/simulator"
)

// oversized is a request with too much of something, and which answers say so.
type oversized struct {
	name     string
	head     string // all but the empty line, and after it
	body     string
	statuses []int
	reason   string
}

func oversizedRequests(cookie string) []oversized {
	long := func(size int) string { return strings.Repeat("a", size) }
	get := func(path string, headers ...string) string {
		return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(headers, "")
	}
	put := "PUT /api/me/player/play HTTP/1.1\r\nHost: x\r\nStagedoor-Request: 1\r\n" + cookie
	const chunk = "10000\r\n" // 64 KiB
	chunks := strings.Repeat(chunk+long(64<<10)+"\r\n", 17) + "0\r\n\r\n"
	tooMuch := []int{http.StatusRequestHeaderFieldsTooLarge}
	return []oversized{
		{"one header of 1 MiB", get("/api/me", cookie, "X-Large: "+long(1<<20)+"\r\n"), "", tooMuch, ""},
		{"1 MiB of headers", get("/api/me", cookie, strings.Repeat("X-Many: "+long(90)+"\r\n", 10_000)), "", tooMuch, ""},
		{"a header name of 1 MiB", get("/", long(1<<20)+": x\r\n"), "", tooMuch, ""},
		{"a path of 1 MiB", get("/" + long(1<<20)), "", tooMuch, ""},
		{"a query of 1 MiB", get("/api/me?q="+long(1<<20), cookie), "", tooMuch, ""},
		{"a method of 1 MiB", long(1<<20) + " / HTTP/1.1\r\nHost: x\r\n", "", tooMuch, ""},
		{"a host of 1 MiB", "GET / HTTP/1.1\r\nHost: " + long(1<<20) + "\r\n", "", tooMuch, ""},
		{"a cookie of 1 MiB", get("/api/me", "Cookie: stagedoor="+long(1<<20)+"\r\n"), "", tooMuch, ""},
		{"a path that is too long", get("/api/"+long(3000), cookie), "", []int{404}, "PATH_REFUSED"},
		{"an encoded path that is too long", get("/api/"+strings.Repeat("%61", 3000), cookie), "", []int{404}, "PATH_REFUSED"},
		{"a path below /auth that is too long", get("/auth/"+long(3000), cookie), "", []int{404}, "PATH_REFUSED"},
		{"a handle that is too long", get("/auth/sessions/"+long(3000), cookie), "", []int{404}, "PATH_REFUSED"},
		{"a file whose name is too long", get("/" + long(3000) + ".js"), "", []int{404}, "PATH_REFUSED"},
		// A request with so many cookies has none: net/http reads 3,000 at most. A browser keeps fewer.
		{"5,000 cookies", get("/api/me", "Cookie: "+strings.Repeat("a=b; ", 5000)+strings.TrimPrefix(cookie, "Cookie: ")), "", []int{401}, "LOGIN_REQUIRED"},
		{"5,000 cookies in as many lines", get("/api/me", cookie, strings.Repeat("Cookie: a=b\r\n", 4400)), "", []int{401}, "LOGIN_REQUIRED"},
		{"5,000 session cookies", get("/api/me", "Cookie: "+strings.Repeat("stagedoor=b; ", 5000)+"\r\n"), "", []int{401}, "LOGIN_REQUIRED"},
		{"a large body", put + "Content-Length: 1048577\r\n", long(1<<20 + 1), []int{413}, "BODY_TOO_LARGE"},
		{"a body said to be huge", put + "Content-Length: 9223372036854775807\r\n", "x", []int{413}, "BODY_TOO_LARGE"},
		{"a large body in chunks", put + "Transfer-Encoding: chunked\r\n", chunks, []int{413}, "BODY_TOO_LARGE"},
		{"an endless chunk", put + "Transfer-Encoding: chunked\r\n", "7fffffffffffffff\r\n" + long(2<<20), []int{413}, "BODY_TOO_LARGE"},
	}
}

// TestOversizedRequests wants each to be refused in a word, nothing of it at Spotify, and little of it in memory.
func TestOversizedRequests(t *testing.T) {
	t.Parallel()
	var seen atomic.Pointer[http.Header]
	frontend := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen.Store(&r.Header) }))
	defer frontend.Close()
	w := stage.NewWorld(t, stage.Options{Pprof: true, Routes: stage.Pages{}.Route(t, stage.UserRoute, "{path: /app/, upstream: '"+frontend.URL+"'}")})
	attacker := w.Visitor()
	attacker.Login("ada")
	a, b := newAttacks(t, "oversized requests"), newBystander(t, w)
	w.Spotify.ForgetSeen()
	requests := oversizedRequests(rawCookie(attacker))
	before := b.p.Footprint()
	b.measure(t, "oversized requests", func() {
		atOnce(5*len(requests), func(n int) {
			c := requests[n%len(requests)]
			status, reason, err := sendRaw(b.p.Public(), c.head+"\r\n"+c.body)
			a.expect(err == nil && slices.Contains(c.statuses, status) && reason == c.reason, "%s: answered %d %s (%v), want %d %s",
				c.name, status, reason, err, c.statuses, c.reason)
		})
	})
	for _, s := range w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Method: http.MethodPut}}) {
		a.expect(s.Status == 0, "Spotify has carried out a part of a body: %+v", s)
	}
	for _, breach := range breaches(w.Spotify.Seen(simulator.Filter{})) {
		t.Error(breach)
	}
	if after := b.p.Footprint(); after.PeakMiB > before.ResidentMiB+200 {
		t.Errorf("the gateway took up to %d MiB, and %d before", after.PeakMiB, before.ResidentMiB)
	}
	// However many cookies there are, the frontend sees none of the gateway's.
	status, _, err := sendRaw(b.p.Public(), "GET /app/ HTTP/1.1\r\nHost: x\r\nCookie: "+strings.Repeat("a=b; ", 5000)+
		strings.TrimPrefix(rawCookie(attacker), "Cookie: ")+"\r\n")
	if header := seen.Load(); err != nil || status != 200 || header == nil || strings.Contains(strings.Join(header.Values("Cookie"), ";"), "stagedoor") {
		t.Errorf("the frontend answered %d, %v, and saw %v", status, err, header)
	}
}

// sendRaw sends bytes over a connection of their own, and reads one answer while it does.
func sendRaw(address, text string) (status int, reason string, err error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(stage.StartTime))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, text) // a server that rejects it need not read it
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", errors.Join(errors.New("no answer"), err)
	}
	_ = response.Body.Close()
	_ = conn.Close()
	<-sent
	return response.StatusCode, response.Header.Get("Stagedoor-Reason"), nil
}

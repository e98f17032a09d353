package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// floodMemory is what all floods together may cost a gateway, in MiB: far less than the large ones would, were they
// kept. The race detector's own book-keeping takes a multiple of that.
const floodMemory = 48

// flood is an answer that is too much, and how much of it the client takes.
type flood struct {
	name string
	do   mischief
	take int64 // bytes, and then the client leaves; under the race detector a sixteenth
	want func(h heard) bool
}

// floods are answers that have no end, or a late one.
func floods() []flood {
	const (
		ok      = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
		open    = ok + "Connection: close\r\n\r\n"
	)
	then := func(begin, again string, limit int, end string) mischief {
		return func(c *net.TCPConn, _ *http.Request) {
			if _, err := io.WriteString(c, begin); err != nil {
				return
			}
			endlessly(c, again, limit)
			_, _ = io.WriteString(c, end) // the gateway may have left
		}
	}
	became := func(want ...outcome) func(heard) bool {
		return func(h heard) bool { return slices.Contains(want, h.came()) }
	}
	text := strings.Repeat("x", 1000)
	early := "HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n"
	return []flood{
		{"a header of 10 MiB", then("HTTP/1.1 200 OK\r\nX: ", text, 10<<20, "\r\n\r\n"), 0, became(refused)},
		{"10 MiB of headers", then("HTTP/1.1 200 OK\r\n", "X: "+text+"\r\n", 10<<20, "\r\n"), 0, became(refused)},
		{"a header without end", then("HTTP/1.1 200 OK\r\nX: ", text, 0, ""), 0, became(refused)},
		{"headers without end", then("HTTP/1.1 200 OK\r\n", "X: y\r\n", 0, ""), 0, became(refused)},
		{"a status without end", then("HTTP/1.1 200 ", text, 0, ""), 0, became(refused)},
		{"a header of folds without end", then("HTTP/1.1 200 OK\r\nX: y\r\n", " y\r\n", 0, ""), 0, became(refused)},
		{"a 1xx of 10 MiB", then("HTTP/1.1 103 Early Hints\r\nX: ", text, 10<<20, "\r\n\r\n"), 0, became(refused)},
		{"1000 times 1xx", says(strings.Repeat(early, 1000) + ok + "Content-Length: 2\r\n\r\n{}"), 0, func(h heard) bool {
			return h.came() == passes && len(h.early) > 0 && len(h.early) < 100
		}},
		{"1xx without end", then("", early, 0, ""), int64(3 * len(early)), nil},
		{"large 1xx without end", then("", "HTTP/1.1 103 x\r\nX: "+strings.Repeat(text, 200)+"\r\n\r\n", 0, ""), 600_000, nil},

		{"a body without end", then(open, text, 0, ""), 32 << 20, nil},
		{"a body without end that nobody reads", then(open, text, 0, ""), 1, nil},
		{"chunks without end", then(chunked, "3e8\r\n"+text+"\r\n", 0, ""), 8 << 20, nil},
		{"tiny chunks without end", then(chunked, "1\r\nx\r\n", 0, ""), 1 << 20, nil},
		// A frontend's header waits a moment for the first piece.
		{"an extension without end", then(chunked+"2;", text, 0, ""), 0, became(refused, cut)},
		{"a chunk size without end", then(chunked, "0", 0, ""), 0, became(refused, cut)},
		{"a trailer without end", then(chunked+"2\r\n{}\r\n0\r\nX: ", text, 0, ""), 0, became(refused, cut)},
		{"trailers without end", then(chunked+"2\r\n{}\r\n0\r\n", "X: y\r\n", 0, ""), 0, became(refused, cut)},

		{"a string of 64 MiB", then(open+`{"a":"`, text, 0, ""), 64 << 20, nil},
		{"a string of backslashes", then(open+`{"a":"`, `\`, 0, ""), 4 << 20, nil},
		{"links that are none", then(open+"[", `"http:\/\/127`, 0, ""), 4 << 20, nil},
		{"lists in lists without end", then(open, "[", 0, ""), 4 << 20, nil},
		{"objects in objects without end", then(open, `{"a":`, 0, ""), 4 << 20, nil},
		{"an error of lists in lists", then(strings.Replace(open, "200 OK", "403 x", 1)+`{"error":`, "[", 0, ""), 1 << 20, nil},
		{"an error without end", then("HTTP/1.1 403 x\r\nContent-Type: text/html\r\n\r\n", text, 0, ""), 8 << 20, nil},
		{"a 401 without end", then("HTTP/1.1 401 x\r\nContent-Type: text/html\r\n\r\n", text, 0, ""), 8 << 20, nil},

		{"gzip that inflates without end", bomb(open, true), 64 << 10, nil},
		{"an error that inflates without end", bomb(strings.Replace(open, "200 OK", "403 x", 1), true), 16 << 10, nil},
		{"gzip that nobody asked for", bomb(open, false), 1 << 20, nil},
		{"names in gzip without end", then(open[:len(open)-2]+"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03", text, 0, ""),
			0, became(refused, cut)},

		{"a header that drips", drip("HTTP/1.1 200 OK\r\nX: "), 0, nil},
		{"a body that drips", drip(chunked), 0, nil},
	}
}

// bomb sends JSON in gzip that inflates a thousandfold, for as long as the gateway reads; if asked is false, as what the
// client did not ask for.
func bomb(header string, asked bool) mischief {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	take := func(text string) string {
		b.Reset()
		_, _ = io.WriteString(z, text) // a buffer takes everything
		_ = z.Flush()
		return b.String()
	}
	spaces := strings.Repeat(" ", 1<<20)
	begin, again := take(`{"a":"`+spaces), take(spaces) // a flushed piece can follow its like
	return func(c *net.TCPConn, r *http.Request) {
		if asked != (r.Header.Get("Accept-Encoding") == "gzip") {
			_, _ = io.WriteString(c, "HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n") // the answer will not be what the test wants
			return
		}
		_, _ = io.WriteString(c, strings.TrimSuffix(header, "\r\n")+"Content-Encoding: gzip\r\n\r\n"+begin) // the gateway may have left
		endlessly(c, again, 0)
	}
}

// drip sends a text, and then nothing until the gateway leaves.
func drip(text string) mischief {
	return func(c *net.TCPConn, _ *http.Request) {
		_, _ = io.WriteString(c, text) // the gateway may have left
		untilLeft(c)
	}
}

// survives sends one flood through the gateway and says what is wrong with what came of it: the client must get what it
// may have, and the gateway must leave the upstream.
func (f flood) survives(v *stage.Visitor, h *hostile, path string) string {
	left := make(chan struct{})
	var once sync.Once
	h.on("/v1"+path, func(c *net.TCPConn, r *http.Request) {
		f.do(c, r)
		once.Do(func() { close(left) })
	})
	headers := []string{"Accept-Encoding", "gzip"}
	if strings.Contains(f.name, "nobody asked") {
		headers[1] = "identity"
	}
	if f.want != nil {
		if got := hear(v, http.MethodGet, "/api"+path, headers...); !f.want(got) {
			return fmt.Sprintf("it became %s with %d early headers", got.came(), len(got.early))
		}
	} else if problem := f.leave(v, h, path, headers); problem != "" {
		return problem
	}
	select {
	case <-left:
		return ""
	case <-time.After(hearingTime):
		return "the gateway still reads"
	}
}

// leave is a client that takes so much and goes.
func (f flood) leave(v *stage.Visitor, h *hostile, path string, headers []string) string {
	c, err := ask(v, http.MethodGet, "/api"+path, headers...)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = c.Close() }()
	take := f.take
	if len(stage.BuildFlags) > 0 {
		take /= 16
	}
	if n, err := io.CopyN(io.Discard, c, take); err != nil {
		return fmt.Sprintf("%d bytes came of %d: %v", n, take, err)
	}
	sessiontest.Eventually(v.T, stage.StartTime, "the gateway asks", func() bool { return h.called("/v1"+path) > 0 })
	return ""
}

// TestAttackUpstreamFloods lets all floods come at once. Memory stays bounded, everybody else is served meanwhile, and
// nothing is left behind.
func TestAttackUpstreamFloods(t *testing.T) {
	stage.OnlyLong(t, "floods of answers")
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{Pprof: true, Quota: "cache: 4MiB"}) // what is kept on purpose shall not be taken for a flood
	v, other := w.Visitor(), w.Visitor()
	v.Login("ada")
	other.Login("ben")
	p := w.Replicas[0]
	before := p.Footprint()
	count := newAttacks(t, "answers of a hostile Web API without end")
	var group sync.WaitGroup
	for i, f := range floods() {
		group.Go(func() {
			problem := f.survives(v, h, fmt.Sprintf("/attack/%d", i))
			count.expect(problem == "", "%s: %s", f.name, problem)
		})
	}
	over := make(chan struct{})
	go func() { group.Wait(); close(over) }()
	for served := 0; ; served++ {
		select {
		case <-over:
		default:
			other.ExpectMe("ben")
			continue
		}
		t.Logf("%d calls of somebody else were served meanwhile", served)
		break
	}
	after := p.Footprint()
	t.Logf("before: %v, after: %v, at most %d MiB", before, after, after.PeakMiB)
	if grown := after.PeakMiB - before.ResidentMiB; len(stage.BuildFlags) == 0 && grown > floodMemory {
		t.Errorf("the floods cost %d MiB, want at most %d", grown, floodMemory)
	}
	sessiontest.Eventually(t, stage.StartTime, "no goroutine is left behind", func() bool {
		return p.Footprint().Goroutines < before.Goroutines+10
	})
	unharmed(v, h)
}

package attack

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// outcome is what a client may make of a broken answer.
type outcome string

const (
	refused outcome = "the gateway's 502"
	cut     outcome = "an end in the middle, which nobody can take for a whole answer"
	passes  outcome = "200 and {}"
)

// brokenAnswer is one that HTTP does not know, and what comes of it.
type brokenAnswer struct {
	name string
	do   mischief
	want outcome
}

// wantOfAPI is what comes of it on a route with credentials: a short answer is there as a whole before any of it is passed on.
func (b brokenAnswer) wantOfAPI() outcome {
	if b.name == "a length that is too long" || b.name == "RST in the body" {
		return refused
	}
	return b.want
}

// brokenAnswers are the ways in which an answer can be none.
func brokenAnswers() []brokenAnswer {
	const (
		ok      = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		chunked = ok + "Transfer-Encoding: chunked\r\n\r\n"
		zip     = ok + "Connection: close\r\nContent-Encoding: gzip\r\n\r\n"
		another = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\nSet-Cookie: a=hostile\r\n\r\nsmuggled"
	)
	whole := zipped(`{"a":"` + strings.Repeat("x", 1000) + `"}`)
	broken := bytes.Clone(whole)
	broken[len(broken)/2] ^= 0xff
	rst := func(text string) mischief {
		return func(c *net.TCPConn, _ *http.Request) {
			_, _ = io.WriteString(c, text) // the gateway may have left
			cutOff(c)
		}
	}
	return []brokenAnswer{
		{"nothing", says(""), refused},
		{"RST instead of an answer", rst(""), refused},
		{"RST in the header", rst("HTTP/1.1 200 OK\r\nContent-"), refused},
		{"half a status line", says("HTTP/1.1 2"), refused},
		{"half a header", says(ok), refused},
		{"HTTP/0.9", says("<script>alert(1)</script>"), refused},
		{"another protocol", says("SSH-2.0-OpenSSH_9.6\r\n"), refused},
		{"bytes", says("\x00\x16\x03\x01\xff\xff\r\n\r\n"), refused},
		{"a bare CR", says("HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b=c\r\n\r\n"), refused},
		{"a header without a colon", says("HTTP/1.1 200 OK\r\nSet-Cookie\r\n\r\n"), refused},
		{"a header with NUL in its name", says("HTTP/1.1 200 OK\r\nA\x00b: c\r\n\r\n"), refused},
		{"a fold in the first header", says("HTTP/1.1 200 OK\r\n Set-Cookie: a=b\r\n\r\n"), refused},
		{"status 000", says("HTTP/1.1 000 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"status 042", says("HTTP/1.1 042 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"status 099", says("HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"status -1", says("HTTP/1.1 -1 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"status 2000", says("HTTP/1.1 2000 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"status 0x64", says("HTTP/1.1 0x64 x\r\nContent-Length: 0\r\n\r\n"), refused},
		{"101 unasked", says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello"), refused},
		{"101 to nothing", says("HTTP/1.1 101 Switching Protocols\r\n\r\n" + another), refused},
		{"a 1xx and nothing more", says("HTTP/1.1 103 Early Hints\r\n\r\n"), refused},
		{"a 1xx with a body", says("HTTP/1.1 103 Early Hints\r\nContent-Length: 4\r\n\r\nbody" + another), refused},
		{"two lengths", says(ok + "Content-Length: 2\r\nContent-Length: 4\r\n\r\n{}{}"), refused},
		{"a length below zero", says(ok + "Content-Length: -1\r\n\r\n{}"), refused},
		{"a length with a sign", says(ok + "Content-Length: +2\r\n\r\n{}"), refused},
		{"a length that is none", says(ok + "Content-Length: two\r\n\r\n{}"), refused},
		{"a length beyond 64 bits", says(ok + "Content-Length: 99999999999999999999\r\n\r\n{}"), refused},
		{"an unknown transfer encoding", says(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), refused},
		{"two transfer encodings", says(ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), refused},
		{"a forbidden trailer", says(ok + "Transfer-Encoding: chunked\r\nTrailer: Content-Length\r\n\r\n0\r\n\r\n"), refused},

		{"a length that is too short", says(ok + "Content-Length: 2\r\n\r\n{}" + another), passes},
		{"chunks and a length", says(ok + "Content-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + another), passes},
		{"a second answer behind chunks", says(chunked + "2\r\n{}\r\n0\r\n\r\n" + another), passes},
		{"a chunk with an extension", says(chunked + "2;a=\"\r\n{}\r\n0\r\n\r\n"), passes},

		{"a length that is too long", says(ok + "Content-Length: 100\r\n\r\n{}"), cut},
		{"a length of petabytes", says(ok + "Content-Length: 9223372036854775807\r\n\r\n{}"), cut},
		{"RST in the body", rst(ok + "Content-Length: 100\r\n\r\n{}"), cut},
		{"RST between chunks", rst(chunked + "2\r\n{}\r\n"), cut},
		{"half a chunk", says(chunked + "5\r\n{}"), cut},
		{"no last chunk", says(chunked + "2\r\n{}\r\n"), cut},
		{"no end behind the last chunk", says(chunked + "2\r\n{}\r\n0\r\n"), cut},
		{"a chunk longer than it says", says(chunked + "1\r\n{}\r\n0\r\n\r\n"), cut},
		{"a chunk size that is none", says(chunked + "2\r\n{}\r\nxyz\r\n0\r\n\r\n"), cut},
		{"a chunk size beyond 64 bits", says(chunked + "2\r\n{}\r\nfffffffffffffffff\r\n"), cut},
		{"a chunk size below zero", says(chunked + "2\r\n{}\r\n-1\r\n"), cut},
		{"a trailer without a colon", says(chunked + "2\r\n{}\r\n0\r\nSet-Cookie\r\n\r\n"), cut},
		{"gzip with bits flipped", says(zip + string(broken)), cut},
		{"gzip with a wrong sum", says(zip + string(whole[:len(whole)-8]) + "\x00\x00\x00\x00\x00\x00\x00\x00"), cut},
		{"gzip that ends early", says(zip + string(whole[:len(whole)-9])), cut},
		{"gzip with an odd header", says(zip + "\x1f\x8b\x08\xff" + strings.Repeat("x", 2000)), refused},
		{"gzip and then something else", says(zip + string(whole) + "more"), cut},
	}
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text) // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// came tells what a client has got.
func (h heard) came() outcome {
	switch {
	case h.Status == http.StatusBadGateway && h.Reason() == "UPSTREAM_UNREACHABLE" && h.broken == nil:
		return refused
	case h.broken != nil && (h.text == "" || h.Status == http.StatusOK && h.Reason() == ""):
		return cut
	case h.Status == http.StatusOK && h.Reason() == "" && h.Body == "{}":
		return passes
	}
	return outcome(fmt.Sprintf("%d %s and %.100q, %v", h.Status, h.Reason(), h.Body, h.broken))
}

// TestAttackUpstreamFraming sends what is no answer, to GET, which may be repeated, and to POST, which must not be.
func TestAttackUpstreamFraming(t *testing.T) {
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{Log: "debug"})
	v, other := w.Visitor(), w.Visitor()
	v.Login("ada")
	other.Login("ben")
	count := newAttacks(t, "answers of a hostile Web API that are none")
	for _, b := range brokenAnswers() {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			h.on("/v1/attack", b.do)
			got := hear(v, method, "/api/attack", "Accept-Encoding", "gzip", "Connection", "Upgrade", "Upgrade", "websocket")
			once := method == http.MethodGet || h.called("/v1/attack") == 1
			clean := !strings.Contains(got.text, "smuggled") && !strings.Contains(got.text, "hostile")
			// What breaks off before its first bytes have left is answered as a whole, by the gateway.
			came := got.came() == b.wantOfAPI() || got.came() == refused && b.wantOfAPI() == cut
			count.expect(came && once && clean, "%s to %s became %s, and not %s; %d calls; %.300q",
				b.name, method, got.came(), b.wantOfAPI(), h.called("/v1/attack"), got.text)
			sessiontest.Eventually(t, stage.StartTime, "the hostile server hangs up", h.closed)
		}
		other.ExpectMe("ben") // and gets no answer that was another's
	}
	unharmed(v, h)
}

// TestAttackUpstreamEcho sends the gateway's own token back where an error would quote it. The log must not hold it.
func TestAttackUpstreamEcho(t *testing.T) {
	t.Parallel()
	w, h := hostileWorld(t, stage.Options{Log: "debug"})
	v := w.Visitor()
	v.Login("ada")
	count := newAttacks(t, "tokens that a hostile Web API sends back")
	for name, frame := range map[string]string{
		"as the answer":           "%s\r\n\r\n",
		"in the status line":      "HTTP/1.1 %s\r\n\r\n",
		"as the protocol":         "%s 200 OK\r\n\r\n",
		"as a header":             "HTTP/1.1 200 OK\r\n%s\r\n\r\n",
		"as a length":             "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"as a transfer encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"as a trailer":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n%s\r\n\r\n",
		"as a chunk's size":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n\r\n",
		"as a name of a trailer":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: %s\r\n\r\n0\r\n\r\n",
		"behind the answer":       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n%s",
		"as the next answer":      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 %s\r\n\r\n",
		"as a protocol to switch": "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n",
		"as the place to go to":   "HTTP/1.1 302 x\r\nLocation: http://%s%%zz/\r\nContent-Length: 0\r\n\r\n",
	} {
		for _, path := range []string{"/v1/attack", "/v1/me"} { // the second is asked at the login, too
			left := make(chan struct{})
			h.on(path, func(c *net.TCPConn, r *http.Request) {
				_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				_, _ = fmt.Fprintf(c, frame, token) // the gateway may have left
				_ = c.CloseWrite()
				untilLeft(c)
				close(left)
			})
			if path == "/v1/me" {
				tryLogin(w.Visitor(), "ada")
			} else {
				hear(v, http.MethodPost, "/api/attack")
			}
			<-left
			h.off(path)
			count.expect(!wrote(w.Replicas[0], h.shown()), "%s of %s: the log holds a credential", name, path)
		}
	}
	sessiontest.Eventually(t, stage.StartTime, "net/http's complaint is in the log, without what it quotes", func() bool {
		return strings.Contains(w.Replicas[0].Log(), "Unsolicited response received")
	})
	unharmed(v, h)
}

// tryLogin walks through a login, however it ends, and returns the end.
func tryLogin(v *stage.Visitor, user string) stage.Answer {
	v.T.Helper()
	if err := v.W.Spotify.SetConsent(simulator.Consent{User: user}); err != nil {
		v.T.Fatal(err)
	}
	return v.Get("/auth/login")
}

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// framing is a stretch of bytes in which one might find more requests, or other ones, than the gateway does. %[1]s stands
// for the lines that an ordinary request has, the session's cookie among them.
type framing struct {
	name  string
	bytes string
	// spotify are all requests that Spotify sees, pairs of method and target; none unless said.
	spotify []string
	// refusable ones may also be refused as a whole.
	refusable bool
	// leaving is a client that sends no more and waits for what comes.
	leaving bool
	// brokenOff is a body so long that it is on its way to Spotify before it turns out bad: Spotify sees the begin of a
	// request, and never its end.
	brokenOff bool
}

// ordinary are the lines of a request beside its first one.
const ordinary = "Host: gateway.example\r\nCookie: %s\r\nStagedoor-Request: 1\r\n"

const (
	next        = "/api/me/player/next"
	hidden      = "GET /api/me?hidden HTTP/1.1\r\n%[1]s\r\n" // what must not be carried out
	chunkedLine = "Transfer-Encoding: chunked\r\n"
	farewell    = "GET /api/me?last HTTP/1.1\r\n%[1]sConnection: close\r\n\r\n"
)

// seen pairs for framings.
var (
	seenNext   = []string{http.MethodPost, "/v1/me/player/next"}
	seenHidden = []string{http.MethodGet, "/v1/me?hidden"}
	seenLast   = []string{http.MethodGet, "/v1/me?last"}
)

// post is a POST with these lines and what follows them.
func post(lines, body string) string {
	return "POST " + next + " HTTP/1.1\r\n%[1]s" + lines + "\r\n" + body
}

// twoLengths have two words about the length of a body, or one that is read in several ways.
func twoLengths() []framing {
	chunks := "0\r\n\r\n"
	all := []framing{
		{name: "two equal lengths", bytes: post("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"+farewell),
			spotify: slices.Concat(seenNext, seenLast), refusable: true},
		{name: "two lengths", bytes: post("Content-Length: 0\r\nContent-Length: 66\r\n", hidden)},
		{name: "two lengths, the other way round", bytes: post("Content-Length: 66\r\nContent-Length: 0\r\n", hidden)},
		// RFC 9112 section 6.3: chunked wins, or the message is refused.
		{name: "chunked and a length", bytes: post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunks+farewell),
			spotify: slices.Concat(seenNext, seenLast), refusable: true},
		{name: "a length and chunked", bytes: post("Transfer-Encoding: chunked\r\nContent-Length: 500\r\n", chunks+farewell),
			spotify: slices.Concat(seenNext, seenLast), refusable: true},
		{name: "a length that ends before the chunks", bytes: post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "{}\r\n"+hidden)},
		{name: "a request in a chunk", bytes: post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "2f\r\nGET /api/me?hidden HTTP/1.1\r\nHost: x\r\nX-Fill: 1\r\n\r\n"+chunks+farewell),
			spotify: slices.Concat(seenNext, seenLast), refusable: true},
		{name: "chunked in HTTP/1.0", bytes: "POST " + next + " HTTP/1.0\r\n%[1]sConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2f\r\nGET /api/me?hidden HTTP/1.1\r\nHost: x\r\nX-Fill: 1\r\n\r\n0\r\n\r\n",
			spotify: seenNext, refusable: true},
	}
	for _, length := range []string{
		"-1", "+5", "0x5", "5 5", "5,5", "5, 6", "5;", "05a", "1e1", "5.0", "９", "18446744073709551617", "99999999999999999999", "\x005", "5\x00", "a", "5 Content-Length: 6",
	} {
		all = append(all, framing{name: "Content-Length: " + length, bytes: post("Content-Length: "+length+"\r\n", hidden), refusable: true})
	}
	for _, encoding := range []string{
		"xchunked", "chunked, chunked", "chunked, identity", "identity, chunked", "identity", "gzip", "gzip, chunked", "chunked;q=1", "chunked,", ",chunked",
		"\"chunked\"", "chunked\x00", "\x0bchunked", "chunked\x0b", "chunkedx", "chun ked", "cow", "chunked\r\nTransfer-Encoding: cow", "cow\r\nTransfer-Encoding: chunked",
		"chunked\r\nTransfer-Encoding: chunked", "chunked\r\n identity", "identity\r\n chunked", "", "c\xd1\x85unked", "chunKed\xe2\x84\xaa",
	} {
		all = append(all, framing{name: "Transfer-Encoding: " + encoding, bytes: post("Content-Length: 4\r\nTransfer-Encoding: "+encoding+"\r\n", "0\r\n\r\n"+hidden)})
	}
	for _, line := range []string{
		"Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "Content-Length : 5", "Content-Length\x00: 5", "\x00Content-Length: 5",
		": 5", "Content-Length", "Transfer-Encoding", "Content Length: 5", "X: y\rContent-Length: 5", "X: y\x00", "X\x00: y", "Transfer-\xc3\x89ncoding: chunked", "(X): y", "X: y\rTransfer-Encoding: chunked",
	} {
		all = append(all, framing{name: line, bytes: post(line+"\r\n", hidden)})
	}
	return all
}

// badChunks break off a POST in the middle of its body; what follows is no request.
func badChunks() []framing {
	var all []framing
	much := strings.Repeat("x", 300<<10)
	for _, chunk := range []string{
		"x\r\n", "\r\n", "-1\r\n", "+2\r\n{}\r\n", "0x2\r\n{}\r\n", "2 2\r\n{}\r\n", "2g\r\n{}\r\n", "2\n{}\r\n", "2\r\n{}\n", "2\r\n{}", "2\r\n{}x\r\n", "2\r\n{}\r\r\n", "2\r{}\r\n",
		"ffffffffffffffff\r\n{}\r\n", "fffffffffffffffff\r\n{}\r\n", "10000000000000002\r\n{}\r\n", "8000000000000000\r\n{}\r\n", "2;\n{}\r\n", "2;a=\n{}\r\n", "2;a\r{}\r\n",
		"2;" + strings.Repeat("a", 70_000) + "\r\n{}\r\n", "2;\x00\n{}\r\n", "２\r\n{}\r\n",
	} {
		// A chunk of half the memory there is may come; then it is the client's leaving that ends it.
		leaving := len(chunk) > 16 && chunk[16] == '\r'
		what := fmt.Sprintf("%.20q", chunk)
		all = append(all,
			framing{name: "chunk " + what, leaving: leaving, bytes: post(chunkedLine, "2\r\n{}\r\n"+chunk+"0\r\n\r\n"+hidden)},
			framing{name: "much and chunk " + what, leaving: leaving, brokenOff: true,
				bytes: post(chunkedLine, fmt.Sprintf("%x\r\n", len(much))+much+"\r\n"+chunk+"0\r\n\r\n"+hidden)})
	}
	for _, trailer := range []string{"X\r\n", ": x\r\n", " X: y\r\n", "X: y\x00\r\n"} {
		all = append(all, framing{name: fmt.Sprintf("trailer %q", trailer), spotify: seenNext, refusable: true,
			bytes: post(chunkedLine, "2\r\n{}\r\n0\r\n"+trailer+"\r\n"+hidden)})
	}
	return all
}

// wholeFramings are well formed; what looks like a request in them is a part of another.
func wholeFramings() []framing {
	inside := "GET /api/me?hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(inside))
	chunked := fmt.Sprintf("%x;ext=\"1\";b\r\n%s\r\n0\r\n", len(inside), inside)
	after := func(first ...string) []string { return slices.Concat(first, seenLast) }
	all := []framing{
		{name: "a request in a body", bytes: post(length, inside+farewell), spotify: after(seenNext...)},
		{name: "a request in a chunk with extensions", bytes: post(chunkedLine, chunked+"\r\n"+farewell), spotify: after(seenNext...)},
		{name: "trailers", bytes: post("Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n",
			chunked+"Authorization: Bearer forged\r\nCookie: x=y\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: forged\r\nVia: forged\r\n\r\n"+farewell), spotify: after(seenNext...)},
		{name: "a GET with a body", bytes: "GET /api/me?x HTTP/1.1\r\n%[1]s" + length + "\r\n" + inside + farewell, spotify: after(http.MethodGet, "/v1/me?x")},
		{name: "a DELETE with a body", bytes: "DELETE /api/x HTTP/1.1\r\n%[1]s" + length + "\r\n" + inside + farewell, spotify: after(http.MethodDelete, "/v1/x")},
		{name: "three requests at once", bytes: hidden + post("Content-Length: 0\r\n", "") + farewell, spotify: slices.Concat(seenHidden, seenNext, seenLast)},
		{name: "lines that end in LF alone", bytes: strings.ReplaceAll(hidden, "\r\n", "\n") + farewell, spotify: slices.Concat(seenHidden, seenLast), refusable: true},
		{name: "an empty line before", bytes: "\r\n" + farewell, spotify: seenLast, refusable: true},
		{name: "an upgrade to h2c", bytes: post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: 0\r\n", http2Preface),
			spotify: seenNext},
		{name: "an upgrade to WebSocket", bytes: "GET /api/me?x HTTP/1.1\r\n%[1]sConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x85garbage\r\n\r\n" + hidden,
			spotify: []string{http.MethodGet, "/v1/me?x"}},
		{name: "an HTTP/2 preface later", bytes: hidden + http2Preface + frame(frameSettings, 0, 0, ""), spotify: seenHidden},
		{name: "an HTTP/2 preface and then HTTP/1.1", bytes: http2Preface + farewell},
		{name: "HTTP/1.0", bytes: "GET /api/me?x HTTP/1.0\r\n%[1]s\r\n" + hidden, spotify: []string{http.MethodGet, "/v1/me?x"}},
		{name: "a request that awaits leave", bytes: post("Expect: 100-continue\r\n"+length, inside+farewell), spotify: after(seenNext...)},
		{name: "a body that never comes whole", leaving: true, bytes: post("Content-Length: 100000\r\nConnection: close\r\n", inside)},
	}
	// What is refused by its head has a body all the same, which is not the next request.
	for _, refused := range []string{"/api/../me", "/api/me%2f", "/narrow/tracks", "/auth/nothing", "/auth/login"} {
		for name, framed := range map[string]string{"": length + "\r\n" + inside, ", chunked": "Transfer-Encoding: chunked\r\n\r\n" + chunked + "\r\n"} {
			all = append(all, framing{name: "a body of what is refused" + name, bytes: "POST " + refused + " HTTP/1.1\r\n%[1]s" + framed + farewell, spotify: seenLast, refusable: true})
		}
		all = append(all,
			framing{name: "a body that awaits leave of what is refused", bytes: "POST " + refused + " HTTP/1.1\r\n%[1]sExpect: 100-continue\r\n" + length + "\r\n" + inside + farewell, spotify: seenLast, refusable: true},
			framing{name: "a large body of what is refused", bytes: "POST " + refused + " HTTP/1.1\r\n%[1]sContent-Length: 600000\r\n\r\n" + strings.Repeat(inside, 600000/len(inside)) + farewell, refusable: true})
	}
	return append(all, framing{name: "a body that is too large", bytes: post("Content-Length: 2000000\r\n", strings.Repeat(inside, 2000000/len(inside))+farewell)},
		framing{name: "chunks that are too large", brokenOff: true, bytes: post(chunkedLine, "1e8480\r\n"+strings.Repeat(inside, 2000000/len(inside)+1)+farewell)})
}

// TestAttackFraming hides requests in requests. Spotify sees exactly those that the gateway has judged.
func TestAttackFraming(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "framing")
	for _, w := range b.ways[:2] { // HTTP/2 frames are another matter
		for i, c := range slices.Concat(twoLengths(), badChunks(), wholeFramings()) {
			if w.takes(i) {
				b.tryFraming(attacks, w, c)
			}
		}
		b.control(w)
	}
	for _, c := range append(twoLengths(), wholeFramings()...) {
		b.tryFrontendFraming(attacks, b.ways[0], c)
	}
}

// text is what is sent.
func (c framing) text(w way) string {
	return strings.ReplaceAll(c.bytes, "%[1]s", fmt.Sprintf(ordinary, w.cookie))
}

// tryFrontendFraming sends the same to the frontend, whose connection all visitors share.
func (b *boundary) tryFrontendFraming(attacks *attacks, w way, c framing) {
	if c.brokenOff || c.leaving || strings.Contains(c.name, "refused") || strings.Contains(c.name, "too large") {
		return // the frontend takes bodies as they come
	}
	o := b.watch(func() []answer { return w.sendText(b.t, strings.ReplaceAll(c.text(w), "/api/", "/web/"), false) })
	var saw, want []string
	for _, v := range o.frontend {
		saw = append(saw, v.method, v.target)
	}
	for _, text := range c.spotify {
		want = append(want, strings.Replace(text, "/v1/", "/web/", 1))
	}
	held := slices.Equal(saw, want) || c.refusable && len(saw) == 0
	fault := strings.Join(b.faults(o), ", ")
	attacks.held(held && len(o.spotify) == 0 && fault == "", "to the frontend: %s: %s: %v", c.name, fault, o)
}

func (b *boundary) tryFraming(attacks *attacks, w way, c framing) {
	after := 0
	if seen := b.spotify.Seen(simulator.Filter{}); len(seen) > 0 {
		after = seen[len(seen)-1].Number
	}
	o := b.watch(func() []answer {
		answers := w.sendText(b.t, c.text(w), c.leaving)
		if c.brokenOff { // Spotify notices some time after the client has its answer
			ctx, cancel := context.WithTimeout(b.t.Context(), wireTime)
			defer cancel()
			if _, err := b.spotify.AwaitSeen(ctx, simulator.Filter{After: after, Done: true}, 1); err != nil {
				b.t.Errorf("%s: Spotify should see the begin of the request: %v", c.name, err)
			}
		}
		return answers
	})
	whole := o
	whole.spotify = slices.DeleteFunc(slices.Clone(o.spotify), func(s simulator.Seen) bool { return c.brokenOff && s.Status == 0 })
	held := whole.left(c.spotify...) || c.refusable && len(o.spotify) == 0
	fault := strings.Join(b.faults(o), ", ")
	attacks.held(held && len(o.frontend) == 0 && fault == "", "%s: %s: %s: %v", w.name, c.name, fault, o)
}

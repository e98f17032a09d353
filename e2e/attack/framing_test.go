package attack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"stagedoor/e2e/stage"
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

// usual are the lines of a request beside its first one.
const usual = "Host: gateway.example\r\nCookie: %s\r\nStagedoor-Request: 1\r\n"

const (
	chunkedLine = "Transfer-Encoding: chunked\r\n"
	inside      = "GET /api/me?hidden HTTP/1.1\r\nHost: x\r\n\r\n" // what looks like a request
	hidden      = "GET /api/me?hidden HTTP/1.1\r\n%[1]s\r\n"       // what would be one, if it were found
	farewell    = "GET /api/me?last HTTP/1.1\r\n%[1]sConnection: close\r\n\r\n"
)

// What Spotify sees of them.
var (
	seenPost   = []string{http.MethodPost, "/v1/me/player/next"}
	seenHidden = []string{http.MethodGet, "/v1/me?hidden"}
	seenLast   = []string{http.MethodGet, "/v1/me?last"}
	seenBoth   = slices.Concat(seenPost, seenLast)
)

// headed is a request with further lines, and what follows them.
func headed(line, lines, body string) string { return line + "\r\n%[1]s" + lines + "\r\n" + body }

// posted is a POST of an ordinary path.
func posted(lines, body string) string {
	return headed("POST /api/me/player/next HTTP/1.1", lines, body)
}

// oneChunk is a chunked body but for its end.
func oneChunk(extension, data string) string {
	return fmt.Sprintf("%x%s\r\n%s\r\n0\r\n", len(data), extension, data)
}

// twoLengths have two words about the length of a body, or one that is read in several ways.
func twoLengths() []framing {
	all := []framing{
		{name: "two equal lengths", spotify: seenBoth, refusable: true,
			bytes: posted("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"+farewell)},
		{name: "two lengths", bytes: posted("Content-Length: 0\r\nContent-Length: 66\r\n", hidden)},
		{name: "two lengths, the other way round", bytes: posted("Content-Length: 66\r\nContent-Length: 0\r\n", hidden)},
		// RFC 9112 section 6.3: chunked wins, or the message is refused.
		{name: "a length and chunked", spotify: seenBoth, refusable: true,
			bytes: posted("Content-Length: 5\r\n"+chunkedLine, "0\r\n\r\n"+farewell)},
		{name: "chunked and a length", spotify: seenBoth, refusable: true,
			bytes: posted(chunkedLine+"Content-Length: 500\r\n", "0\r\n\r\n"+farewell)},
		{name: "a request in a chunk, and a length that ends before it", spotify: seenBoth, refusable: true,
			bytes: posted("Content-Length: 4\r\n"+chunkedLine, oneChunk("", inside)+"\r\n"+farewell)},
		{name: "a length that ends before the chunks", bytes: posted("Content-Length: 4\r\n"+chunkedLine, "{}\r\n"+hidden)},
		// HTTP/1.0 has no chunks, and what follows is no request.
		{name: "chunked in HTTP/1.0", spotify: seenPost, refusable: true,
			bytes: headed("POST /api/me/player/next HTTP/1.0", "Connection: keep-alive\r\n"+chunkedLine, oneChunk("",
				inside)+"\r\n")},
	}
	for _, length := range []string{
		"-1", "+5", "0x5", "5 5", "5,5", "5, 6", "5;", "05a", "1e1", "5.0", "９", "\x005", "5\x00", "a",
		"5 Content-Length: 6", "18446744073709551617", "99999999999999999999",
	} {
		all = append(all, framing{name: "Content-Length: " + length, bytes: posted("Content-Length: "+length+"\r\n", hidden)})
	}
	for _, encoding := range []string{
		"", "xchunked", "chunkedx", "chun ked", "chunked, chunked", "chunked, identity", "identity, chunked",
		"identity", "gzip", "gzip, chunked", "chunked;q=1", "chunked,", ",chunked", "\"chunked\"", "chunked\x00",
		"\x0bchunked", "chunked\x0b", "cow", "chunked\r\nTransfer-Encoding: cow", "cow\r\nTransfer-Encoding: chunked",
		"chunked\r\nTransfer-Encoding: chunked", "chunked\r\n identity", "identity\r\n chunked", "c\xd1\x85unked",
		"chunKed\xe2\x84\xaa",
	} {
		all = append(all, framing{name: "Transfer-Encoding: " + encoding,
			bytes: posted("Content-Length: 4\r\nTransfer-Encoding: "+encoding+"\r\n", "0\r\n\r\n"+hidden)})
	}
	for _, line := range []string{
		"Transfer-Encoding : chunked", "Transfer-Encoding\t: chunked", "Transfer-\xc3\x89ncoding: chunked",
		"Transfer-Encoding", "Content-Length : 5", "Content-Length\x00: 5", "\x00Content-Length: 5", "Content-Length",
		"Content Length: 5", ": 5", "X: y\rContent-Length: 5", "X: y\rTransfer-Encoding: chunked", "X: y\x00",
		"X\x00: y", "(X): y",
	} {
		all = append(all, framing{name: line, bytes: posted(line+"\r\n", hidden)})
	}
	return all
}

// badChunks break off a POST in the middle of its body; what follows is no request.
func badChunks() []framing {
	var all []framing
	much := strings.Repeat("x", 300<<10)
	for _, chunk := range []string{
		"x\r\n", "\r\n", "-1\r\n", "+2\r\n{}\r\n", "0x2\r\n{}\r\n", "2 2\r\n{}\r\n", "2g\r\n{}\r\n", "２\r\n{}\r\n",
		"2\n{}\r\n", "2\r{}\r\n", "2\r\n{}\n", "2\r\n{}", "2\r\n{}x\r\n", "2\r\n{}\r\r\n", "2;\n{}\r\n",
		"2;a=\n{}\r\n", "2;a\r{}\r\n", "2;\x00\n{}\r\n", "2;" + strings.Repeat("a", 70_000) + "\r\n{}\r\n",
		"ffffffffffffffff\r\n{}\r\n", "8000000000000000\r\n{}\r\n", "fffffffffffffffff\r\n{}\r\n",
		"10000000000000002\r\n{}\r\n",
	} {
		// A chunk of half the memory there is may come; then it is the client's leaving that ends it.
		leaving := len(chunk) > 16 && chunk[16] == '\r'
		what, rest := fmt.Sprintf("chunk %.20q", chunk), chunk+"0\r\n\r\n"+hidden
		all = append(all,
			framing{name: what, leaving: leaving, bytes: posted(chunkedLine, "2\r\n{}\r\n"+rest)},
			framing{name: what + " after much", leaving: leaving, brokenOff: true,
				bytes: posted(chunkedLine, fmt.Sprintf("%x\r\n%s\r\n", len(much), much)+rest)})
	}
	for _, trailer := range []string{"X\r\n", ": x\r\n", " X: y\r\n", "X: y\x00\r\n"} {
		all = append(all, framing{name: fmt.Sprintf("trailer %q", trailer), spotify: seenPost, refusable: true,
			bytes: posted(chunkedLine, "2\r\n{}\r\n0\r\n"+trailer+"\r\n"+hidden)})
	}
	return all
}

// lengthInside says how long inside is.
var lengthInside = fmt.Sprintf("Content-Length: %d\r\n", len(inside))

// wholeFramings are well formed; what looks like a request in them is a part of another.
func wholeFramings() []framing {
	seenGet := []string{http.MethodGet, "/v1/me?x"}
	return []framing{
		{name: "three requests at once", spotify: slices.Concat(seenHidden, seenBoth),
			bytes: hidden + posted("Content-Length: 0\r\n", "") + farewell},
		{name: "a request in a body", spotify: seenBoth, bytes: posted(lengthInside, inside+farewell)},
		{name: "a request in a chunk with extensions", spotify: seenBoth,
			bytes: posted(chunkedLine, oneChunk(";ext=\"1\";b", inside)+"\r\n"+farewell)},
		{name: "trailers", spotify: seenBoth, bytes: posted(chunkedLine+"Trailer: Authorization\r\n", oneChunk("", inside)+
			"Authorization: Bearer forged\r\nCookie: x=y\r\nContent-Length: 5\r\n"+chunkedLine+"Host: x\r\n\r\n"+farewell)},
		{name: "a GET with a body", spotify: slices.Concat(seenGet, seenLast),
			bytes: headed("GET /api/me?x HTTP/1.1", lengthInside, inside+farewell)},
		{name: "a DELETE with a body", spotify: append([]string{http.MethodDelete, "/v1/x"}, seenLast...),
			bytes: headed("DELETE /api/x HTTP/1.1", lengthInside, inside+farewell)},
		{name: "a request that awaits leave", spotify: seenBoth,
			bytes: posted("Expect: 100-continue\r\n"+lengthInside, inside+farewell)},
		{name: "a body that never comes whole", leaving: true, bytes: posted("Content-Length: 100000\r\n", inside)},
		{name: "lines that end in LF alone", spotify: slices.Concat(seenHidden, seenLast), refusable: true,
			bytes: strings.ReplaceAll(hidden, "\r\n", "\n") + farewell},
		{name: "an empty line before", spotify: seenLast, refusable: true, bytes: "\r\n" + farewell},
		{name: "HTTP/1.0", spotify: seenGet, bytes: headed("GET /api/me?x HTTP/1.0", "", hidden)},
		// Nobody switches to another protocol, so that what follows is HTTP/1.1 or nothing.
		{name: "an upgrade to h2c", spotify: seenPost, bytes: posted("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"+
			"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: 0\r\n", http2Preface)},
		{name: "an upgrade to WebSocket", spotify: seenGet, bytes: headed("GET /api/me?x HTTP/1.1",
			"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
			"\x81\x85garbage\r\n\r\n"+hidden)},
		{name: "an HTTP/2 preface later", spotify: seenHidden, bytes: hidden + http2Preface + frame(frameSettings, 0, 0, "")},
		{name: "an HTTP/2 preface and then HTTP/1.1", bytes: http2Preface + farewell},
	}
}

// refusedBodies belong to what is refused by its head. They are bodies all the same, and not the next request.
func refusedBodies() []framing {
	var all []framing
	for _, target := range []string{"/api/../me", "/api/me%2f", "/narrow/tracks", "/auth/nothing", "/auth/login"} {
		line := "POST " + target + " HTTP/1.1"
		for lines, body := range map[string]string{
			lengthInside: inside,
			chunkedLine:  oneChunk("", inside) + "\r\n",
			"Expect: 100-continue\r\n" + lengthInside: inside,
		} {
			all = append(all, framing{name: line + " with " + lines, spotify: seenLast, refusable: true,
				bytes: headed(line, lines, body+farewell)})
		}
		all = append(all, framing{name: line + " with much",
			bytes: headed(line, "Content-Length: 600000\r\n", strings.Repeat(inside, 600000/len(inside))+farewell)})
	}
	tooMuch := strings.Repeat(inside, 2<<20/len(inside))
	return append(all,
		framing{name: "a body that is too large", bytes: posted("Content-Length: 2000000\r\n", tooMuch+farewell)},
		framing{name: "chunks that are too large", brokenOff: true,
			bytes: posted(chunkedLine, oneChunk("", tooMuch)+"\r\n"+farewell)})
}

// TestAttackFraming hides requests in requests. Spotify sees exactly those that the gateway has checked.
func TestAttackFraming(t *testing.T) {
	t.Parallel()
	b := newBoundary(t)
	attacks := newAttacks(t, "framing")
	for _, w := range b.ways[:2] { // HTTP/2 frames are another matter
		for i, c := range slices.Concat(twoLengths(), badChunks(), wholeFramings(), refusedBodies()) {
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
	return strings.ReplaceAll(c.bytes, "%[1]s", fmt.Sprintf(usual, w.cookie))
}

// tryFrontendFraming sends the same to the frontend, whose connection all visitors share.
func (b *boundary) tryFrontendFraming(attacks *attacks, w way, c framing) {
	o := b.watch(func() []stage.Answer {
		return w.sendText(b.t, strings.ReplaceAll(c.text(w), "/api/", "/web/"), c.leaving)
	})
	var saw, want []string
	for _, v := range o.frontend {
		saw = append(saw, v.method, v.target)
	}
	for _, text := range c.spotify {
		want = append(want, strings.Replace(text, "/v1/", "/web/", 1))
	}
	held := slices.Equal(saw, want) || c.refusable && len(saw) == 0
	fault := strings.Join(b.breaches(o), ", ")
	attacks.expect(held && len(o.spotify) == 0 && fault == "", "to the frontend: %s: %s: %v", c.name, fault, o)
}

func (b *boundary) tryFraming(attacks *attacks, w way, c framing) {
	o := b.watch(func() []stage.Answer {
		answers := w.sendText(b.t, c.text(w), c.leaving)
		if c.brokenOff { // Spotify notices some time after the client has its answer
			ctx, cancel := context.WithTimeout(b.t.Context(), wireTime)
			defer cancel()
			if _, err := b.Spotify.AwaitSeen(ctx, simulator.Filter{After: b.seen, Done: true}, 1); err != nil {
				b.t.Errorf("%s: Spotify should see the begin of the request: %v", c.name, err)
			}
		}
		return answers
	})
	whole := o
	whole.spotify = slices.DeleteFunc(slices.Clone(o.spotify), func(s simulator.Seen) bool {
		return c.brokenOff &&
			s.Status == 0
	})
	held := whole.left(c.spotify...) || c.refusable && len(o.spotify) == 0
	fault := strings.Join(b.breaches(o), ", ")
	attacks.expect(held && len(o.frontend) == 0 && fault == "", "%s: %s: %s: %v", w.name, c.name, fault, o)
}

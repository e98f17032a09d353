package links

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"

	"stagedoor/proxy/policy"
)

// coding is how the body of an answer is coded.
type coding int

const (
	foreign  coding = iota // not JSON, a part of an answer, or coded as the gateway did not ask for: it passes as it came
	identity               // JSON as it is
	zipped                 // JSON in gzip, which the gateway has asked for
)

func codingOf(res *http.Response) coding {
	encoding := res.Header.Get("Content-Encoding")
	switch {
	case !policy.IsJSON(res.Header.Get("Content-Type")), res.StatusCode == http.StatusPartialContent,
		res.StatusCode == http.StatusNotModified, res.ContentLength == 0:
		return foreign
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		return identity
	case policy.IsGzip(encoding) && res.Request.Header.Get("Accept-Encoding") == "gzip":
		return zipped
	default:
		return foreign
	}
}

// dropDigests removes what is true of the body as it came only.
func dropDigests(res *http.Response) {
	for _, name := range []string{"Content-Length", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		delete(res.Header, name)
	}
}

// RewriteBody lets the links of a JSON answer lead to the gateway, while it is read. Other answers, parts of answers and
// encodings that the gateway did not ask for pass as they came.
func (m Map) RewriteBody(res *http.Response) {
	coding := codingOf(res)
	if coding == foreign {
		return
	}
	res.ContentLength = -1
	dropDigests(res)
	if res.Request.Method != http.MethodHead && res.Body != http.NoBody {
		res.Body = newBody(res.Body, m.newDocument(), coding == zipped)
	}
}

// body is a body with links that are rewritten while it is read.
type body struct {
	source io.ReadCloser
	in     io.Reader // source, unzipped if need be; nil until the first read of a zipped one
	links  *rewriter
	*buffers
	zip   *gzip.Writer // into out, from zippers; nil for a plain body
	unzip *gzip.Reader // from unzippers; nil for a plain body
	err   error        // of the source, returned when out is empty
}

// buffers are what a body needs while it is read. They are pooled.
type buffers struct {
	piece   []byte       // what was read from the source last
	rewrite []byte       // what piece becomes
	out     bytes.Buffer // what is ready to be read
}

// grow makes piece so long, in bytes. Most answers are short, and many are on their way at the same time.
func (b *buffers) grow(size int) []byte {
	b.piece = slices.Grow(b.piece[:0], size)[:size]
	return b.piece
}

// longPiece is how much is read at a time of any other body, in bytes.
const longPiece = 32 << 10

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

func newBody(source io.ReadCloser, links *rewriter, zipped bool) *body {
	b := &body{source: source, links: links, buffers: bufferPool.Get().(*buffers)}
	if zipped {
		b.zip = zipper(&b.out)
	} else {
		b.in = source
	}
	return b
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.buffers == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	for b.out.Len() == 0 && b.err == nil {
		b.fill()
	}
	if b.out.Len() == 0 {
		return 0, b.err
	}
	return b.out.Read(p)
}

// fill reads one piece from the source. What the source had ready is passed on at once, because it may be long until
// there is more.
func (b *body) fill() {
	if b.in == nil && !b.openZip() {
		return
	}
	var n int
	n, b.err = b.in.Read(b.grow(longPiece))
	ended := errors.Is(b.err, io.EOF)
	if b.zip == nil {
		b.pass(n, ended)
		return
	}
	b.rewrite = b.rewritten(b.rewrite[:0], n, ended)
	_, _ = b.zip.Write(b.rewrite) // a buffer takes every write
	switch {
	case ended:
		_ = b.zip.Close()
	case n > 0:
		_ = b.zip.Flush()
	}
}

// pass rewrites the first bytes of piece and makes the result ready to be read.
func (b *body) pass(size int, ended bool) {
	b.out.Grow(size)
	b.out.Write(b.rewritten(b.out.AvailableBuffer(), size, ended)) // no copy, unless it became much longer
}

// rewritten appends to dst what the first bytes of piece become.
func (b *body) rewritten(dst []byte, size int, ended bool) []byte {
	dst = b.links.rewrite(dst, b.piece[:size])
	if ended {
		dst = b.links.finish(dst)
	}
	return dst
}

// openZip begins to unzip. What is not zipped after all, an empty body among it, passes as it came.
func (b *body) openZip() bool {
	buffered := bufio.NewReader(b.source)
	if magic, err := buffered.Peek(2); err != nil || !isZipped(magic) {
		b.in = buffered
		b.freeZip()
		return true
	}
	b.unzip = unzippers.Get().(*gzip.Reader)
	if b.err = b.unzip.Reset(buffered); b.err != nil {
		return false
	}
	b.in = b.unzip
	return true
}

func (b *body) freeZip() {
	if b.zip != nil {
		freeZipper(b.zip)
		b.zip = nil
	}
}

// Close implements io.Closer.
func (b *body) Close() error {
	b.freeZip()
	if b.unzip != nil {
		unzippers.Put(b.unzip)
		b.unzip, b.in = nil, nil
	}
	if used := b.buffers; used != nil {
		b.buffers = nil
		used.out.Reset()
		if cap(used.rewrite) <= maxPooled && used.out.Cap() <= maxPooled {
			bufferPool.Put(used)
		}
	}
	return b.source.Close()
}

package links

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"stagedoor/proxy/policy"
)

// RewriteBody lets the links of a JSON answer lead to the gateway. Other answers, parts of answers and encodings that
// the gateway did not ask for pass as they came. An error says that a short answer broke off.
func (m Map) RewriteBody(res *http.Response) error {
	encoding := res.Header.Get("Content-Encoding")
	zipped := policy.IsGzip(encoding) && res.Request.Header.Get("Accept-Encoding") == "gzip"
	plain := encoding == "" || strings.EqualFold(encoding, "identity")
	if !policy.IsJSON(res.Header.Get("Content-Type")) || res.StatusCode == http.StatusPartialContent ||
		res.StatusCode == http.StatusNotModified || res.ContentLength == 0 || !zipped && !plain {
		return nil
	}
	announced := res.ContentLength
	res.ContentLength = -1
	for _, name := range []string{"Content-Length", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		delete(res.Header, name)
	}
	if res.Request.Method == http.MethodHead || res.Body == http.NoBody {
		return nil
	}
	rewritten := newBody(res.Body, m.newDocument(), zipped)
	res.Body = rewritten
	if !plain || announced < 0 || announced > wholeBody {
		return nil
	}
	if err := rewritten.fillWhole(announced); err != nil { // one write to the client instead of three
		return err
	}
	res.ContentLength = int64(rewritten.out.Len())
	res.Header["Content-Length"] = []string{strconv.Itoa(rewritten.out.Len())}
	return nil
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

// wholeBody is how long a body may be that is read as a whole before any of it is passed on, in bytes: it comes in a
// moment, and needs neither chunks nor a flush for each.
const wholeBody = 64 << 10

// longPiece is how much is read at a time of any other body, in bytes.
const longPiece = 32 << 10

// maxPooled is how large rewrite or out is kept, in bytes.
const maxPooled = 2 * wholeBody

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

// zippers holds writers that are not in use: each takes most of a megabyte. An answer is zipped once and read once, so the
// fastest level is best. Unzippers holds readers.
var (
	zippers = sync.Pool{New: func() any {
		zip, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		if err != nil { // the level is a known one
			panic(err)
		}
		return zip
	}}
	unzippers = sync.Pool{New: func() any { return new(gzip.Reader) }}
)

func newBody(source io.ReadCloser, links *rewriter, zipped bool) *body {
	b := &body{source: source, links: links, buffers: bufferPool.Get().(*buffers)}
	if zipped {
		b.zip = zippers.Get().(*gzip.Writer)
		b.zip.Reset(&b.out)
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

// fillWhole reads a short body of announced length, or returns why it cannot.
func (b *body) fillWhole(length int64) error {
	n, err := io.ReadFull(b.in, b.grow(int(length)))
	if err != nil {
		return err
	}
	b.err = io.EOF
	b.pass(n, true)
	return nil
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
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
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
		b.zip.Reset(io.Discard) // it must not keep this body alive
		zippers.Put(b.zip)
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

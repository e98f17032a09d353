package links

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

const (
	// maxUnzipped is how much a short answer may unzip to and still be rewritten as a whole, in bytes.
	maxUnzipped = 256 << 10
	// maxPooled is how large a buffer is kept for the next answer, in bytes.
	maxPooled = 128 << 10
)

// wholeBuffers are what one whole answer is rewritten in.
type wholeBuffers struct {
	plain     []byte
	rewritten []byte
	zipped    bytes.Buffer
}

var wholePool = sync.Pool{New: func() any { return new(wholeBuffers) }}

func (b *wholeBuffers) free() {
	b.zipped.Reset()
	if cap(b.plain) <= maxPooled && cap(b.rewritten) <= maxPooled && b.zipped.Cap() <= maxPooled {
		wholePool.Put(b)
	}
}

// RewriteWhole is RewriteBody for an answer of which all is there. An answer without a link passes as it came, to the byte and
// with its digests; any other is zipped in one piece. An error says that the answer is broken.
func (m Map) RewriteWhole(res *http.Response, whole []byte) error {
	coding := codingOf(res)
	if coding == foreign || res.Request.Method == http.MethodHead {
		return nil
	}
	if coding == zipped && !isZipped(whole) { // it passes as what it is
		coding = identity
	}
	buffers := wholePool.Get().(*wholeBuffers)
	plain := whole
	if coding == zipped {
		var all bool
		var err error
		buffers.plain = slices.Grow(buffers.plain[:0], announcedSize(whole, maxUnzipped)+1)
		buffers.plain, all, err = unzip(buffers.plain, whole, maxUnzipped)
		if err != nil || !all {
			buffers.free()
			if err == nil {
				m.RewriteBody(res)
			}
			return err
		}
		plain = buffers.plain
	}
	links := m.newDocument()
	buffers.rewritten = slices.Grow(buffers.rewritten[:0], len(plain)+len(plain)/8)
	buffers.rewritten = links.finish(links.rewrite(buffers.rewritten, plain))
	if !links.found {
		buffers.free()
		return nil
	}
	body := buffers.rewritten
	if coding == zipped {
		zip := zipper(&buffers.zipped)
		_, _ = zip.Write(body) // a buffer takes every write
		_ = zip.Close()
		freeZipper(zip)
		body = buffers.zipped.Bytes()
	}
	dropDigests(res)
	if len(res.Trailer) == 0 { // or else they need the chunks of HTTP/1.1 (RFC 9112 section 7.1.2)
		res.ContentLength = int64(len(body))
		res.Header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	replaced := &wholeBody{Closer: res.Body, buffers: buffers}
	replaced.Reset(body)
	res.Body = replaced
	return nil
}

// wholeBody is an answer in buffers that go back to their pool when it is closed.
type wholeBody struct {
	bytes.Reader
	io.Closer
	buffers *wholeBuffers // nil when it is closed
}

// Close implements io.Closer.
func (b *wholeBody) Close() error {
	if b.buffers != nil {
		b.Reset(nil)
		b.buffers.free()
		b.buffers = nil
	}
	return b.Closer.Close()
}

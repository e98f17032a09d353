package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// rewriteBody lets the links of a JSON answer lead to the gateway. Other answers, parts of answers and encodings that
// the gateway did not ask for pass as they came.
func (m linkMap) rewriteBody(res *http.Response) {
	encoding := res.Header.Get("Content-Encoding")
	zipped := isGzip(encoding) && res.Request.Header.Get("Accept-Encoding") == "gzip"
	plain := encoding == "" || strings.EqualFold(encoding, "identity")
	if !isJSON(res.Header.Get("Content-Type")) || res.StatusCode == http.StatusPartialContent ||
		res.StatusCode == http.StatusNotModified || res.ContentLength == 0 || !zipped && !plain {
		return
	}
	res.ContentLength = -1
	for _, name := range []string{"Content-Length", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest"} {
		res.Header.Del(name)
	}
	if res.Request.Method == http.MethodHead || res.Body == http.NoBody {
		return
	}
	links := newLinkRewriter(m.api.String()+"/", m.public+"/")
	res.Body = newLinkBody(res.Body, links, zipped)
}

func isJSON(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && (kind == "application/json" || strings.HasSuffix(kind, "+json"))
}

func isGzip(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}

// linkBody is a body whose links are rewritten while it is read.
type linkBody struct {
	source io.ReadCloser
	in     io.Reader // source, unzipped if need be; nil until the first read of a zipped one
	links  *linkRewriter
	piece  []byte       // from buffers
	spare  []byte       // what piece becomes
	out    bytes.Buffer // what is ready to be read
	zip    *gzip.Writer // into out, from zippers; nil for a plain body
	err    error        // of the source, told when out is empty
}

// zippers holds writers that nobody uses: each is worth most of a megabyte.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func newLinkBody(source io.ReadCloser, links *linkRewriter, zipped bool) *linkBody {
	b := &linkBody{source: source, links: links, piece: buffers.Get()}
	if zipped {
		b.zip = zippers.Get().(*gzip.Writer)
		b.zip.Reset(&b.out)
	} else {
		b.in = source
	}
	return b
}

// Read implements io.Reader.
func (b *linkBody) Read(p []byte) (int, error) {
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
func (b *linkBody) fill() {
	if b.in == nil && !b.openZip() {
		return
	}
	var n int
	n, b.err = b.in.Read(b.piece)
	b.spare = b.links.rewrite(b.spare[:0], b.piece[:n])
	ended := errors.Is(b.err, io.EOF)
	if ended {
		b.spare = b.links.finish(b.spare)
	}
	if b.zip == nil {
		b.out.Write(b.spare)
		return
	}
	_, _ = b.zip.Write(b.spare) // a buffer takes every write
	switch {
	case ended:
		_ = b.zip.Close()
	case n > 0:
		_ = b.zip.Flush()
	}
}

// openZip begins to unzip. What is not zipped after all, an empty body among it, passes as it came.
func (b *linkBody) openZip() bool {
	buffered := bufio.NewReader(b.source)
	if magic, err := buffered.Peek(2); err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		b.in = buffered
		b.freeZip()
		return true
	}
	unzipped, err := gzip.NewReader(buffered)
	if err != nil {
		b.err = err
		return false
	}
	b.in = unzipped
	return true
}

func (b *linkBody) freeZip() {
	if b.zip != nil {
		b.zip.Reset(io.Discard) // it must not keep this body alive
		zippers.Put(b.zip)
		b.zip = nil
	}
}

// Close implements io.Closer.
func (b *linkBody) Close() error {
	b.freeZip()
	if b.piece != nil {
		buffers.Put(b.piece)
		b.piece = nil
	}
	b.err = http.ErrBodyReadAfterClose
	b.out.Reset()
	return b.source.Close()
}

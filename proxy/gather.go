package proxy

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"stagedoor/proxy/links"
	"stagedoor/proxy/policy"
)

const (
	// maxGathered is how long an answer may be that is read as a whole before any of it is passed on, in bytes.
	maxGathered = 64 << 10
	// usualAnswer is how much room an answer of unknown length gets at first, in bytes.
	usualAnswer = 16 << 10
	// restPatience is how long the first piece of an answer of unknown length waits for the rest. Spotify compresses its
	// answers, and so sends no length, but in one go: nearly all are there as a whole before it is over.
	restPatience = 500 * time.Microsecond
)

// gather reads a short answer as a whole, so that it leaves in one piece with its length, and an answer that breaks off can still
// become another one. It returns nil for an answer that is long, takes its time behind its first piece, or has no body: all of
// it is still to be read from res.Body then. The bytes are valid until that is closed.
//
// The answer of unknown length must come from a detacher, because a goroutine may go on to read it.
func gather(res *http.Response) ([]byte, error) {
	if res.Body == http.NoBody || res.ContentLength == 0 || res.ContentLength > maxGathered ||
		res.Request.Method == http.MethodHead || policy.IsEventStream(res.Header) {
		return nil, nil
	}
	g := &gathering{source: res.Body, buffer: gatherBuffers.Get().(*[]byte)}
	res.Body = g
	if res.ContentLength > 0 {
		g.readAnnounced(int(res.ContentLength))
	} else {
		g.readUnannounced()
	}
	switch {
	case g.err == nil: // there is more
		return nil, nil
	case !errors.Is(g.err, io.EOF):
		return nil, g.err
	}
	_ = g.source.Close()                                // which completes the trailers
	if res.ContentLength < 0 && len(res.Trailer) == 0 { // trailers need the chunks of HTTP/1.1 (RFC 9112 section 7.1.2)
		res.ContentLength = int64(len(g.unread))
		res.Header["Content-Length"] = []string{strconv.Itoa(len(g.unread))}
	}
	return g.unread, nil
}

// gathering is the body of an answer of which the begin, or all, is in memory.
type gathering struct {
	source io.ReadCloser
	buffer *[]byte       // from gatherBuffers; nil when it was given back
	unread []byte        // of buffer
	err    error         // of the source, behind unread
	rest   chan struct{} // closed when the goroutine that reads into buffer has ended; nil without one

	mu     sync.Mutex // guards what follows while the goroutine runs
	filled int        // how much of buffer has been read into
	taken  int        // how much of buffer is, or was, in unread
	last   error      // of the source
	late   bool       // the goroutine ends with its next read
}

// gatherBuffers are buffers that are not in use, as long as what they were needed for.
var gatherBuffers = sync.Pool{New: func() any { return new([]byte) }}

// grow makes the buffer at least so long, in bytes, and keeps what is in it.
func (g *gathering) grow(size int) {
	*g.buffer = slices.Grow((*g.buffer)[:g.filled], max(0, size-g.filled))
	*g.buffer = (*g.buffer)[:cap(*g.buffer)]
}

// readAnnounced reads an answer of a length that is known.
func (g *gathering) readAnnounced(length int) {
	g.grow(length)
	var n int
	if n, g.err = io.ReadFull(g.source, (*g.buffer)[:length]); g.err == nil {
		g.err = io.EOF
	}
	g.unread = (*g.buffer)[:n]
}

// readUnannounced reads the first piece, however long that takes, and the rest if it comes in a moment. It leaves err nil when
// there is more.
func (g *gathering) readUnannounced() {
	g.grow(usualAnswer)
	for g.filled == 0 && g.last == nil {
		g.filled, g.last = g.source.Read(*g.buffer)
	}
	if g.last == nil && links.SeemsWhole((*g.buffer)[:g.filled]) { // only the end is missing, which needs no patience
		g.more()
	}
	if g.last == nil {
		g.awaitRest()
	}
	g.take()
}

// take makes what has been read since the last time what is unread.
func (g *gathering) take() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unread, g.taken, g.err = (*g.buffer)[g.taken:g.filled], g.filled, g.last
}

// awaitRest waits a moment for the rest of the answer. The goroutine may go on after that, until its read ends.
func (g *gathering) awaitRest() {
	rest := make(chan struct{})
	go func() {
		defer close(rest)
		for g.more() {
		}
	}()
	timer := time.NewTimer(restPatience)
	defer timer.Stop()
	select {
	case <-rest:
	case <-timer.C:
		g.mu.Lock()
		defer g.mu.Unlock()
		g.late, g.rest = true, rest
	}
}

// more reads another piece. It tells whether to go on.
func (g *gathering) more() bool {
	g.mu.Lock()
	if g.filled == len(*g.buffer) && !g.late {
		g.grow(maxGathered)
	}
	room := (*g.buffer)[g.filled:]
	g.mu.Unlock()
	if len(room) == 0 {
		return false
	}
	n, err := g.source.Read(room)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.filled, g.last = g.filled+n, err
	return err == nil && !g.late
}

// Read implements io.Reader.
func (g *gathering) Read(p []byte) (int, error) {
	if len(g.unread) == 0 {
		g.wait()
	}
	switch {
	case len(g.unread) > 0:
		n := copy(p, g.unread)
		g.unread = g.unread[n:]
		return n, nil
	case g.err != nil:
		return 0, g.err
	}
	g.release()
	return g.source.Read(p)
}

// wait waits for the goroutine, and makes unread what it has read.
func (g *gathering) wait() {
	if g.rest != nil {
		<-g.rest
		g.rest = nil
		g.take()
	}
}

// Close implements io.Closer. It ends a read that is under way.
func (g *gathering) Close() error {
	err := g.source.Close()
	g.wait()
	g.unread = nil
	if g.err == nil {
		g.err = http.ErrBodyReadAfterClose
	}
	g.release()
	return err
}

func (g *gathering) release() {
	if g.buffer != nil {
		gatherBuffers.Put(g.buffer)
		g.buffer = nil
	}
}

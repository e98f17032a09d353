package proxy

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"stagedoor/proxy/policy"
)

// maxEarly is how many 1xx headers of an upstream pass. Behind them, net/http would let it send them without end.
const maxEarly = 16

// responseWriter counts what is answered and sets the gateway's own headers last, just before the final header is
// sent: httputil.ReverseProxy adds an upstream's headers to those that are there, and clears them all after each 1xx.
type responseWriter struct {
	http.ResponseWriter
	own         []policy.Field    // replaces whatever upstreams and handlers have set
	vary        []string          // added to Vary
	early       int               // how many 1xx headers may still pass
	dropEarly   func(http.Header) // removes from them what no upstream may send
	streamBegun func()            // called with the header of an answer of unannounced length
	status      int               // zero until the final header is sent
	stream      bool              // streamBegun was called
	lasting     bool              // the answer has no end of its own
	bytes       int64
	failed      error // of the first write that failed
	// stall bounds each write on HTTP/2, where a client can leave its window closed while its connection lives. Zero on
	// HTTP/1, where the connection sees to it.
	stall time.Duration

	reading sync.Mutex // guards served
	served  bool
}

// set makes a header the gateway's own.
func (w *responseWriter) set(name string, values ...string) {
	w.own = append(w.own, policy.Field{Name: name, Values: values})
}

// WriteHeader sends a 1xx header, or the final one, of which only the first counts.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		w.writeEarly(status)
		return
	}
	w.finish(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) writeEarly(status int) {
	if w.early == 0 {
		return
	}
	w.early--
	policy.DropHopByHop(w.Header())
	w.dropEarly(w.Header())
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) finish(status int) {
	w.status = status
	h := w.Header()
	for _, name := range w.vary { // first, because what is written into a map of eight headers makes it a larger one
		policy.AddVary(h, name)
	}
	for _, own := range w.own { // the last of two with one name wins
		h[own.Name] = own.Values
	}
	if _, present := h["Content-Type"]; !present {
		h["Content-Type"] = nil // or net/http would guess one, and call a page what its upstream did not
	}
	if isStream(status, h) {
		w.stream = true
		w.streamBegun()
	}
	w.lasting = isLasting(status, h)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.expectProgress(true)
	n, err := w.ResponseWriter.Write(p)
	w.expectProgress(false)
	w.bytes += int64(n)
	w.keepError(err)
	return n, err
}

// expectProgress begins or ends a time in which the client must take something.
func (w *responseWriter) expectProgress(begin bool) {
	if w.stall == 0 {
		return
	}
	deadline := time.Time{}
	if begin {
		deadline = time.Now().Add(w.stall)
	}
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(deadline) // HTTP/2's never fails
}

func (w *responseWriter) keepError(err error) {
	if w.failed == nil {
		w.failed = err
	}
}

// FlushError is what http.ResponseController calls to flush.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.expectProgress(true)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.expectProgress(false)
	w.keepError(err)
	return err
}

// Flush implements http.Flusher.
func (w *responseWriter) Flush() { _ = w.FlushError() } // a flush that fails is a client that left

// Hijack hands over the connection for a protocol switch. The header that the caller then writes itself is this one's.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.finish(http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

// takeOver takes the connection of an HTTP/1 request over from net/http, with the header of a stream that the caller then
// writes in its own time, chunked or else up to the end of the connection. It returns no connection when the request has none
// to itself, as on HTTP/2: then the stream goes through the writer.
func (w *responseWriter) takeOver(r *http.Request) (conn net.Conn, header []byte, chunked bool) {
	conn, _, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, false
	}
	w.finish(http.StatusOK)
	chunked = r.ProtoAtLeast(1, 1)
	h := w.Header()
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	h.Set("Connection", "close")
	if chunked {
		h.Set("Transfer-Encoding", "chunked")
	}
	var text bytes.Buffer
	text.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&text) // a buffer takes everything
	text.WriteString("\r\n")
	w.ResponseWriter, w.own, w.vary = nil, nil, nil // net/http's buffers go
	return conn, text.Bytes(), chunked
}

// SetReadDeadline is what http.ResponseController calls. A transport may read a request's body for a moment longer than
// the request is served: then there is no body left to wait for, and HTTP/2's writer would panic.
func (w *responseWriter) SetReadDeadline(deadline time.Time) error {
	w.reading.Lock()
	defer w.reading.Unlock()
	if w.served {
		return errServed
	}
	return http.NewResponseController(w.ResponseWriter).SetReadDeadline(deadline)
}

var errServed = errors.New("the request has been served")

// end is called when the request has been served. What the answer still has in net/http's buffer is sent after it.
func (w *responseWriter) end() {
	w.expectProgress(true)
	w.reading.Lock()
	defer w.reading.Unlock()
	w.served = true
}

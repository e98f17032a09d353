package proxy

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"
)

// responseWriter counts what is answered and sets the gateway's own headers last, just before the final header is
// sent: httputil.ReverseProxy adds an upstream's headers to those that are there, and clears them all after each 1xx.
type responseWriter struct {
	http.ResponseWriter
	own         http.Header       // replaces whatever upstreams and handlers have set
	vary        []string          // added to Vary
	dropEarly   func(http.Header) // removes from 1xx headers what no upstream may send
	streamBegun func()            // called with the header of an answer whose end is not announced
	status      int               // zero until the final header is sent
	stream      bool              // streamBegun was called
	bytes       int64
}

// WriteHeader sends a 1xx header, or the final one, of which only the first counts.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 {
		return
	}
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		w.dropEarly(w.Header())
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.finish(status)
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) finish(status int) {
	w.status = status
	h := w.Header()
	for name, values := range w.own {
		h[name] = values
	}
	for _, name := range w.vary {
		addVary(h, name)
	}
	if isStream(status, h) {
		w.stream = true
		w.streamBegun()
	}
}

func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// FlushError is what http.ResponseController calls to flush.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
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

// Unwrap lets http.ResponseController set deadlines.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// addVary names one more request header on which the answer depends.
func addVary(h http.Header, name string) {
	listed := strings.Split(strings.Join(h["Vary"], ","), ",")
	if !slices.ContainsFunc(listed, func(v string) bool { return strings.EqualFold(strings.TrimSpace(v), name) }) {
		h.Add("Vary", name)
	}
}

package simulator

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// suffer answers a request that a fault meets.
func (s *Server) suffer(w *recordingWriter, r *request, f *planted, next func(http.ResponseWriter, *request)) {
	s.faults.hold(f, f.Delay, nil)
	var a *reply
	if f.Execute || !f.replaces() {
		a = record(r, f.Merge != nil, next)
	}
	s.faults.hold(f, f.Linger, r.Context().Done())
	switch f.Action {
	case ActionHang:
		s.faults.hang(f, r.Context().Done())
		panic(http.ErrAbortHandler) // net/http cuts the connection
	case ActionReset:
		reset(w)
	}
	if f.Status != 0 {
		a = &reply{status: f.Status, header: http.Header{}, body: []byte(f.Body)}
	}
	f.adorn(a)
	sendEarly(w, f.Early)
	for name, values := range f.Trailer {
		w.Header()[http.TrailerPrefix+http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	switch {
	case f.Action == ActionTruncate:
		truncate(w, a)
	case f.Size > 0 || len(f.Trailer) > 0:
		stream(w, a, max(f.Size, int64(len(a.body))))
	default:
		a.write(w, r.Request)
	}
}

// record carries the request out and keeps the answer.
func record(r *request, plain bool, next func(http.ResponseWriter, *request)) *reply {
	if plain { // Merge has to read the answer
		r.Header.Del("Accept-Encoding")
	}
	kept := &recorder{reply{status: http.StatusOK, header: http.Header{}}}
	next(kept, r)
	kept.header.Del("Content-Length")
	return &kept.reply
}

// recorder is an http.ResponseWriter that keeps a reply.
type recorder struct{ reply }

func (k *recorder) Header() http.Header         { return k.header }
func (k *recorder) WriteHeader(status int)      { k.status = status }
func (k *recorder) Write(p []byte) (int, error) { k.body = append(k.body, p...); return len(p), nil }

// adorn puts the fault's fields and headers over the answer.
func (f *Fault) adorn(a *reply) {
	if f.Merge != nil {
		fields := map[string]any{}
		if json.Unmarshal(a.body, &fields) == nil {
			for name, value := range f.Merge {
				fields[name] = value
				if value == nil {
					delete(fields, name)
				}
			}
			a.body = jsonReply(a.status, fields).body
		}
	}
	for name, values := range f.Header {
		a.header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
}

// sendEarly sends informational answers; their headers must not stay for the next one.
func sendEarly(w http.ResponseWriter, early []http.Header) {
	for _, hints := range early {
		for name, values := range hints {
			w.Header()[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
		w.WriteHeader(http.StatusEarlyHints)
		for name := range hints {
			w.Header().Del(name)
		}
	}
}

// reset closes the connection without an answer: at once, and with RST, where it is a TCP connection.
func reset(w *recordingWriter) {
	w.finish(0)
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// truncate promises the whole body and sends half of it.
func truncate(w http.ResponseWriter, a *reply) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// stream sends the body again and again, up to size bytes, without declaring a length.
func stream(w http.ResponseWriter, a *reply, size int64) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	if !bodyAllowed(a.status) {
		return
	}
	block := string(a.body)
	if block == "" {
		block = " "
	}
	if len(block) < 32<<10 {
		block = strings.Repeat(block, (32<<10)/len(block))
	}
	for size > 0 {
		n, err := io.WriteString(w, block[:min(size, int64(len(block)))])
		if err != nil { // the client has had enough
			return
		}
		size -= int64(n)
	}
}

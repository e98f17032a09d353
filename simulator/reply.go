package simulator

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// reply is an answer before it is written, so that a fault can change or drop it.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// jsonReply encodes v without HTML escapes, as Spotify does.
func jsonReply(status int, v any) *reply {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil { // everything the simulator encodes is its own
		panic(err)
	}
	return &reply{
		status: status,
		header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		body:   bytes.TrimSuffix(body.Bytes(), []byte("\n")),
	}
}

func textReply(status int, contentType, text string) *reply {
	return &reply{status: status, header: http.Header{"Content-Type": {contentType}}, body: []byte(text)}
}

// errorReply has the Web API's error shape.
func errorReply(status int, message string) *reply {
	return jsonReply(status, map[string]any{"error": map[string]any{"status": status, "message": message}})
}

// encoders are used again, because a new one costs more than the rest of an answer.
var encoders = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

// compress encodes the body when the request takes gzip.
func (a *reply) compress(r *http.Request) {
	if len(a.body) == 0 || !takesGzip(r.Header) {
		return
	}
	var packed bytes.Buffer
	encoder := encoders.Get().(*gzip.Writer)
	defer encoders.Put(encoder)
	encoder.Reset(&packed)
	_, _ = encoder.Write(a.body) // a buffer takes every write
	_ = encoder.Close()
	a.body = packed.Bytes()
	a.header.Set("Content-Encoding", "gzip")
}

// write sends the reply.
func (a *reply) write(w http.ResponseWriter, r *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = slices.Clone(values)
	}
	if bodyAllowed(a.status) {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if bodyAllowed(a.status) && r.Method != http.MethodHead {
		_, _ = w.Write(a.body) // a client that left needs no answer
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// takesGzip reads Accept-Encoding (RFC 9110 section 12.5.3).
func takesGzip(h http.Header) bool {
	for coding := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			quality, err := strconv.ParseFloat(strings.TrimPrefix(weight, "q="), 64)
			return weight == "" || err == nil && quality > 0
		}
	}
	return false
}

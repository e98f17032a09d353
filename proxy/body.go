package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"stagedoor/internal/httperror"
)

// maxReplayBody is how much of a body is kept so that the request can be sent again after a 401, in bytes. Longer ones
// are streamed, and sent once.
const maxReplayBody = 256 << 10

// errClientLeft says that the client went away, and that no answer can reach it.
var errClientLeft = errors.New("the client went away")

// bodyLimits are what a route demands of bodies.
type bodyLimits struct {
	max     int64         // bytes
	timeout time.Duration // from here to the end of the body
}

// requestBody is a body on its way to the API: whole in memory, or a stream.
type requestBody struct {
	whole  []byte
	stream *repeatBody // nil when whole is all there is
	length int64       // -1 when it is unknown
	client *clientBody // what stream reads from; nil without a stream
}

// noBody is the body of a request without one. Callers must not modify it.
var noBody = &requestBody{}

// announced rejects a body that is announced to be too large, before anything is read.
func (l bodyLimits) announced(r *http.Request) error {
	if r.ContentLength > l.max {
		return bodyError(&http.MaxBytesError{Limit: l.max})
	}
	return nil
}

// read takes a body in as far as it will be kept. Its errors are answers, or errClientLeft.
func (l bodyLimits) read(w http.ResponseWriter, r *http.Request) (*requestBody, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return noBody, nil
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(l.timeout)) // a recorder in a test has none
	// A deadline that outlives the body would end the wait for the answer.
	relax := func() { _ = control.SetReadDeadline(time.Time{}) }
	limited := http.MaxBytesReader(w, r.Body, l.max)
	if r.ContentLength < 0 || r.ContentLength > maxReplayBody {
		// An upstream may answer before it has read the whole body, and HTTP/1 would cut the answer short.
		_ = control.EnableFullDuplex() // HTTP/2 always is
	}
	if r.ContentLength > maxReplayBody {
		source := &clientBody{source: limited, done: relax}
		return &requestBody{stream: &repeatBody{source: source}, length: r.ContentLength, client: source}, nil
	}
	first, err := readUpTo(limited, r.ContentLength)
	if err != nil {
		return nil, bodyError(err)
	}
	if len(first) <= maxReplayBody {
		relax()
		return &requestBody{whole: first, length: int64(len(first))}, nil
	}
	rest := &clientBody{source: limited, done: relax}
	stream := &repeatBody{source: io.MultiReader(bytes.NewReader(first), rest)}
	return &requestBody{stream: stream, length: -1, client: rest}, nil
}

// readUpTo reads a body of a known length, or of an unknown one (-1) just so far that it shows whether it can be kept.
func readUpTo(body io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		return io.ReadAll(io.LimitReader(body, maxReplayBody+1))
	}
	whole := make([]byte, length)
	if _, err := io.ReadFull(body, whole); err != nil {
		return nil, err
	}
	return whole, ended(body)
}

// ended tells whether a body ends where it said. On HTTP/2 it may go on (RFC 9113 section 8.1.1).
func ended(body io.Reader) error {
	n, err := io.ReadFull(body, make([]byte, 1))
	if n == 0 && errors.Is(err, io.EOF) {
		return nil
	}
	return errors.Join(errors.New("the body is longer than announced"), err)
}

// replayable tells whether the request can be sent again after a 401.
func (b *requestBody) replayable() bool { return b.stream == nil }

// reader returns the body from its beginning, for one sending of the request. It is what http.Request's GetBody wants, with
// which http.Transport sends again what the connection says was never processed. A streamed body fails when more of it has
// been sent than is kept.
func (b *requestBody) reader() (io.ReadCloser, error) {
	switch {
	case b.stream != nil:
		return b.stream.begin()
	case len(b.whole) == 0:
		return http.NoBody, nil
	default:
		return io.NopCloser(bytes.NewReader(b.whole)), nil
	}
}

// clientBody is a body that arrives from the client. It keeps why a read failed: the transport's own error would blame the upstream.
type clientBody struct {
	source  io.Reader
	done    func()     // called at the end of a whole body; may be nil
	reading sync.Mutex // locked during a read
	failed  atomic.Pointer[error]
}

func (f *clientBody) Read(p []byte) (int, error) {
	f.reading.Lock()
	defer f.reading.Unlock()
	n, err := f.source.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		if f.done != nil {
			f.done()
		}
	case err != nil:
		failed := bodyError(err)
		f.failed.Store(&failed)
	}
	return n, err
}

// blame returns what the client did wrong while its body was streamed, or nil. A failed read of the body also ends the
// request's context (net/http takes the client for gone), and the transport may notice that first: then a read that
// is under way is waited for. A nil reader has nothing to blame.
func (f *clientBody) blame(ctx context.Context) error {
	if f == nil {
		return nil
	}
	if ctx.Err() != nil {
		f.reading.Lock()
		defer f.reading.Unlock()
	}
	if failed := f.failed.Load(); failed != nil {
		return *failed
	}
	return nil
}

// bodyError turns an error of reading a client's body into the answer to it.
func bodyError(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return httperror.New(httperror.BodyTooLarge,
			fmt.Sprintf("The request body is larger than %d bytes, which is the most that passes here.", tooLarge.Limit), nil)
	case errors.Is(err, os.ErrDeadlineExceeded):
		late := httperror.New(httperror.InvalidRequest, "The request body did not arrive in time. Send it again.", err)
		late.Status = http.StatusRequestTimeout
		return late
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errClientLeft
	default:
		return httperror.New(httperror.InvalidRequest, "The request body cannot be read. Check how it is encoded.", err)
	}
}

// codedBody is the answer to a request with a content coding: the header does not pass, and without it the body would have
// another meaning.
func codedBody() error {
	coded := httperror.New(httperror.InvalidRequest,
		"A request body with a Content-Encoding does not pass here. Send it as it is, without the header.", nil)
	coded.Status = http.StatusUnsupportedMediaType
	return coded
}

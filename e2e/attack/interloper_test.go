package attack

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"sync"
	"testing"
)

// speech is what an interloper says to a request, which it also gets as text. Several may be asked at once.
type speech func(asked *http.Request, text string) string

// interloper is a server that answers with any bytes whatever, HTTP or not.
type interloper struct {
	address string

	mu     sync.Mutex // guards what follows
	answer speech
}

// newInterloper begins to answer.
func newInterloper(t testing.TB, answer speech) *interloper {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	i := &interloper{address: listener.Addr().String(), answer: answer}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil { // the test is over
				return
			}
			go i.serve(connection)
		}
	}()
	return i
}

// answering changes what it says from now on, and returns what it said so far.
func (i *interloper) answering(answer speech) (before speech) {
	i.mu.Lock()
	defer i.mu.Unlock()
	before, i.answer = i.answer, answer
	return before
}

// serve answers until the other side closes.
func (i *interloper) serve(connection net.Conn) {
	defer func() { _ = connection.Close() }()
	reader := bufio.NewReader(connection)
	for {
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		text, err := httputil.DumpRequest(request, true)
		if err != nil {
			return
		}
		i.mu.Lock()
		answer := i.answer
		i.mu.Unlock()
		if _, err := io.WriteString(connection, answer(request, string(text))); err != nil {
			return
		}
	}
}

// spoken is the true answer of a handler, as bytes on the wire.
func spoken(handler http.Handler, asked *http.Request) string {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, asked)
	result := recorder.Result()
	result.ContentLength = int64(recorder.Body.Len())
	var wire bytes.Buffer
	_ = result.Write(&wire) // a buffer takes every write
	return wire.String()
}

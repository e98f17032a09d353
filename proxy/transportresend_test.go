package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// mortal is a server that answers /warm on each connection, and ends the connection instead of answering /now.
type mortal struct {
	net.Listener
	sent atomic.Int32 // requests for /now
}

func newMortal(t testing.TB) *mortal {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mortal{Listener: listener}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			go m.talk(conn)
		}
	}()
	return m
}

func (m *mortal) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path != "/warm" {
			m.sent.Add(1)
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
	}
}

// A write is sent once, whatever becomes of its connection; a read once more when its connection had been idle.
func TestTransportRepeatsReadsAlone(t *testing.T) {
	for method, want := range map[string]int32{http.MethodGet: 2, http.MethodHead: 2, http.MethodPost: 1, http.MethodPut: 1} {
		transport := NewTransport(DefaultUpstreamConfig())
		t.Cleanup(transport.CloseIdleConnections)
		server := newMortal(t)
		warm, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+server.Addr().String()+"/warm", nil)
		if _, err := transport.RoundTrip(warm); err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequestWithContext(t.Context(), method, "http://"+server.Addr().String()+"/now", nil)
		if _, err := transport.RoundTrip(r); err == nil {
			t.Errorf("%s: an answer that no server gave", method)
		}
		if sent := server.sent.Load(); sent != want {
			t.Errorf("%s: sent %d times, want %d", method, sent, want)
		}
	}
}

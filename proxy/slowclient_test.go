package proxy

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// http2 returns a client that speaks HTTP/2 without TLS, with a small window.
func (s *stage) http2() *http.Client {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// TestDeadlinesEndWithTheRequest keeps what a transport may still read away from a writer that is gone.
func TestDeadlinesEndWithTheRequest(t *testing.T) {
	s := newStage(t)
	kept := make(chan http.ResponseWriter, 1)
	s.auth = func(w http.ResponseWriter, _ *http.Request) { kept <- w }
	res, err := s.http2().Get("http://" + s.addr + "/auth/session")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	s.accessLine(0)
	w := <-kept
	sessiontest.Eventually(t, patience, "no deadline can be set any more", func() bool {
		return errors.Is(http.NewResponseController(w).SetReadDeadline(time.Time{}), errServed)
	})
}

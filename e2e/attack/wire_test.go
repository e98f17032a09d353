package attack

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"stagedoor/e2e/stage"
)

// wireTime bounds an exchange of bytes; it is reached only when the gateway neither answers nor closes.
const wireTime = 20 * time.Second

// way is how bytes get to a gateway: plain or over TLS, as HTTP/1.1 or HTTP/2.
type way struct {
	name    string
	origin  string // the gateway's public_url
	address string // host:port
	cookie  string // the session's
	roots   *x509.CertPool
	http2   bool
}

// takes tells whether the n-th case of a corpus goes this way. Plain HTTP/1.1 takes all; the others, behind which the way is the
// same, a sample. Over TLS it is a small one, because of the handshakes. See stage.Tenth for tests that are not long.
func (w way) takes(n int) bool {
	every := 1
	switch {
	case w.roots != nil:
		every = 7
	case w.http2:
		every = 2
	}
	return n%every == 0 && stage.Tenth(n/every)
}

// field is one line of a header as it goes over the wire; nothing about it is checked or brought into form.
type field struct{ name, value string }

// request is what is sent, byte for byte.
type request struct {
	method, target string
	host           string // "" means the public_url's
	header         []field
	body           string
	bare           bool // without what send adds
}

// dial opens a connection, and closes it with the test.
func (w way) dial(t testing.TB) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_ = connection.SetDeadline(time.Now().Add(wireTime)) // never fails on an open connection
	if w.roots == nil {
		return connection
	}
	protocol := "http/1.1"
	if w.http2 {
		protocol = "h2"
	}
	return tls.Client(connection, &tls.Config{
		RootCAs: w.roots, ServerName: "127.0.0.1", NextProtos: []string{protocol}, MinVersion: tls.VersionTLS12,
	})
}

// send sends a request with the session's cookie, and the header by which a script shows that it is one: attacks shall
// not end at the cross-origin rule, unless they are meant for it.
func (w way) send(t testing.TB, r request) []stage.Answer {
	t.Helper()
	if !r.bare {
		r.header = append([]field{{"cookie", w.cookie}, {"stagedoor-request", "1"}}, r.header...)
	}
	if w.http2 {
		return w.sendFrames(t, r)
	}
	var text strings.Builder
	text.WriteString(r.method + " " + r.target + " HTTP/1.1\r\n")
	if !r.bare {
		_, host, _ := strings.Cut(w.origin, "://")
		text.WriteString("Host: " + stage.Or(r.host, host) + "\r\nConnection: close\r\n")
	}
	for _, f := range r.header {
		text.WriteString(f.name + ": " + f.value + "\r\n")
	}
	if r.body != "" {
		text.WriteString("Content-Length: " + strconv.Itoa(len(r.body)) + "\r\n")
	}
	return w.sendText(t, text.String()+"\r\n"+r.body, false)
}

// sendText writes bytes as they are, perhaps says that no more will come, and reads all answers until the gateway closes
// the connection.
func (w way) sendText(t testing.TB, text string, leaving bool) []stage.Answer {
	t.Helper()
	connection := w.dial(t)
	defer func() { _ = connection.Close() }()
	go func() { // the gateway may have heard enough before the end
		_, _ = io.WriteString(connection, text)
		if half, ok := connection.(interface{ CloseWrite() error }); ok && leaving {
			_ = half.CloseWrite()
		}
	}()
	said, err := io.ReadAll(connection)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: neither the end of the answers nor of the connection after %.200q: %q", w.name, text, said)
	}
	var answers []stage.Answer
	for rest := bufio.NewReader(bytes.NewReader(said)); ; {
		response, err := http.ReadResponse(rest, nil)
		if err != nil { // the end, or a connection that was cut
			return answers
		}
		body, _ := io.ReadAll(response.Body) // as far as it came
		if response.StatusCode != http.StatusContinue {
			answers = append(answers, stage.Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)})
		}
	}
}

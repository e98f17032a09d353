package attack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stagedoor/e2e/stage"
)

// hearingTime bounds one answer, however busy the machine is.
const hearingTime = time.Minute

// heard is all that a client gets to see of one answer.
type heard struct {
	stage.Answer
	early   []http.Header // 1xx
	trailer http.Header
	text    string // everything, as it came
	broken  error  // why there is no answer, or not all of it
}

// hear sends one request over a connection of its own to the first replica, with the visitor's cookies, and returns what
// came until the gateway closed the connection. No client library sees to it that this is any good.
func hear(v *stage.Visitor, method, path string, headers ...string) heard {
	v.T.Helper()
	c, err := ask(v, method, path, headers...)
	if err != nil {
		return heard{broken: err}
	}
	defer func() { _ = c.Close() }()
	text, err := io.ReadAll(c)
	h := understand(string(text), method)
	if err != nil {
		h.broken = err
	}
	return h
}

// ask sends a request and leaves the connection to the caller.
func ask(v *stage.Visitor, method, path string, headers ...string) (net.Conn, error) {
	replica := v.W.Replicas[0].Public()
	c, err := net.Dial("tcp", replica)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(hearingTime)); err != nil {
		return nil, err
	}
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nStagedoor-Request: 1\r\n", method, path, replica)
	for i := 0; i+1 < len(headers); i += 2 {
		_, _ = fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	for _, cookie := range v.Client.Jar.Cookies(&url.URL{Scheme: "http", Host: replica, Path: "/"}) {
		_, _ = fmt.Fprintf(&b, "Cookie: %s=%s\r\n", cookie.Name, cookie.Value)
	}
	_, err = io.WriteString(c, b.String()+"\r\n")
	return c, err
}

// understand reads what came as HTTP.
func understand(text, method string) heard {
	h := heard{text: text}
	source := bufio.NewReader(strings.NewReader(text))
	for {
		response, err := http.ReadResponse(source, &http.Request{Method: method})
		if err != nil {
			h.broken = err
			return h
		}
		if response.StatusCode < 200 {
			h.early = append(h.early, response.Header)
			continue
		}
		body, err := io.ReadAll(response.Body)
		h.Answer = stage.Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
		h.trailer, h.broken = response.Trailer, err
		return h
	}
}

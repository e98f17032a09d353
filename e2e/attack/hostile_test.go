package attack

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"stagedoor/e2e/stage"
)

// mischief answers one request of the gateway's, as it likes. The connection ends with it.
type mischief func(c *net.TCPConn, r *http.Request)

// hostile is a server that answers byte for byte what a test wants: net/http's own would refuse to send most of it. What
// no script is for goes to the simulator, so that everybody else's calls go on.
type hostile struct {
	url      string
	behind   string // the simulator's address
	listener net.Listener
	group    sync.WaitGroup

	mu          sync.Mutex // guards what follows
	scripts     map[string]mischief
	calls       map[string]int
	credentials map[string]bool // every Authorization that it was shown
	connections int
	busy        int // connections on which a script has not come to its end
}

// newHostile starts a server before the simulator. It ends with the test.
func newHostile(t testing.TB, behind string) *hostile {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{
		url: "http://" + listener.Addr().String(), behind: behind, listener: listener,
		scripts: map[string]mischief{}, calls: map[string]int{}, credentials: map[string]bool{},
	}
	h.group.Go(h.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		h.group.Wait()
	})
	return h
}

// on answers a path by a script from now on, and forgets the calls that there were.
func (h *hostile) on(path string, m mischief) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.scripts[path] = m
	delete(h.calls, path)
}

// off leaves a path to the simulator again.
func (h *hostile) off(path string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.scripts, path)
}

// called returns how often a path was called since its script was set.
func (h *hostile) called(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[path]
}

// calledBelow returns the called paths that begin with prefix.
func (h *hostile) calledBelow(prefix string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var paths []string
	for path := range h.calls {
		if strings.HasPrefix(path, prefix) {
			paths = append(paths, path)
		}
	}
	return paths
}

// forgetCalls forgets the calls that there were.
func (h *hostile) forgetCalls() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.calls)
}

// connected returns how many connections there ever were.
func (h *hostile) connected() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.connections
}

// closed tells whether every connection that carried a script is closed: a POST that the gateway sends over one that is just
// about to be is lost, as nobody may send it again.
func (h *hostile) closed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.busy == 0
}

// shown returns the credentials that it has been shown, without their schemes.
func (h *hostile) shown() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for value := range h.credentials {
		if _, secret, found := strings.Cut(value, " "); found {
			all = append(all, secret)
		}
	}
	return all
}

func (h *hostile) accept() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.connections++
		h.mu.Unlock()
		h.group.Go(func() { h.serve(c.(*net.TCPConn)) })
	}
}

func (h *hostile) serve(c *net.TCPConn) {
	defer func() { _ = c.Close() }()
	requests := bufio.NewReader(c)
	for {
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h.mu.Lock()
		s := h.scripts[r.URL.Path]
		h.calls[r.URL.Path]++
		h.credentials[r.Header.Get("Authorization")] = true
		if s != nil {
			h.busy++
		}
		h.mu.Unlock()
		if s != nil {
			s(c, r)
			_ = c.Close() // some scripts have done so
			h.mu.Lock()
			h.busy--
			h.mu.Unlock()
			return
		}
		if err := h.passOn(c, r, body); err != nil {
			return
		}
	}
}

func (h *hostile) passOn(c net.Conn, r *http.Request, body []byte) error {
	on, err := http.NewRequest(r.Method, h.behind+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	on.Header = r.Header
	answer, err := http.DefaultTransport.RoundTrip(on)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // only read from
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body, answer.ContentLength, answer.TransferEncoding = io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
	return answer.Write(c)
}

// says is mischief that sends a text.
func says(text string) mischief {
	return func(c *net.TCPConn, _ *http.Request) { _, _ = io.WriteString(c, text) } // the gateway may have left
}

// untilLeft waits until the gateway closes the connection. What it still sends is of no interest.
func untilLeft(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// endlessly sends a text, again and again, until the gateway has left or limit bytes are sent. Zero is no limit.
func endlessly(c net.Conn, text string, limit int) {
	piece := strings.Repeat(text, max(1, 64<<10/len(text)))
	for sent := 0; limit == 0 || sent < limit; {
		n, err := io.WriteString(c, piece)
		if err != nil {
			return
		}
		sent += n
	}
}

// cutOff ends a connection by a RST.
func cutOff(c *net.TCPConn) {
	_ = c.SetLinger(0) // a connection that is gone needs no RST
	_ = c.Close()
}

// hostileWorld is a world whose Web API is hostile where a script says so.
func hostileWorld(t testing.TB, o stage.Options) (*stage.World, *hostile) {
	var h *hostile
	o.Prepare = func(w *stage.World) {
		h = newHostile(t, w.Accounts.URL)
		w.APIURL = h.url + "/v1"
	}
	return stage.NewWorld(t, o), h
}

// unharmed looks at what an attack by an upstream must leave as it was: the session goes on, the process has neither
// panicked nor taken the blame, and nothing that it has written holds a token.
func unharmed(v *stage.Visitor, h *hostile) {
	v.T.Helper()
	v.ExpectMe("ada")
	p := v.W.Replicas[0]
	for _, line := range p.Logged(func(l stage.LogLine) bool { return l.Level == "error" }) {
		v.T.Errorf("the log says %+v", line)
	}
	if wrote(p, h.shown()) {
		v.T.Error("the log holds a credential")
	}
}

// wrote tells whether one of the secrets is in what the process has written.
func wrote(p *stage.Process, secrets []string) bool {
	written := p.Log()
	return slices.ContainsFunc(secrets, func(secret string) bool { return strings.Contains(written, secret) })
}

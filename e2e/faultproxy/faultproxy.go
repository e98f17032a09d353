// Package faultproxy passes TCP connections on to a server, and harms them when it is told to: as a network does that is
// slow, stuck or cut. It knows no protocol.
package faultproxy

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// dialTime bounds the connection to the server.
const dialTime = time.Second

// Fault is what happens to the connections, open ones and new ones. The zero Fault passes everything on.
type Fault struct {
	// Refuse cuts open connections and resets new ones.
	Refuse bool
	// HoldRequests and HoldAnswers let nothing through in their direction. What was held goes on when the fault ends,
	// unless Cut comes before.
	HoldRequests, HoldAnswers bool
	// Latency is how long each piece of an answer is on its way.
	Latency time.Duration
	// Drip is the time between two single bytes of an answer; zero sends them together.
	Drip time.Duration
	// CutAfter cuts a connection behind so many bytes of an answer; zero never does.
	CutAfter int
	// Reply answers every piece of a request in the server's place, which does not see it.
	Reply string
}

// Proxy listens on 127.0.0.1 and passes on to one server. It is safe for concurrent use.
type Proxy struct {
	target   string
	listener net.Listener
	done     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	fault   Fault
	changed chan struct{} // closed and replaced when fault changes
	pairs   map[*pair]bool
}

// pair is a client's connection and the one to the server.
type pair struct {
	client, server net.Conn
	cut            chan struct{} // closed when the pair is
	once           sync.Once
	silent         atomic.Bool
}

// Listen starts a proxy to the target, a host:port. Close it.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, listener: listener, changed: make(chan struct{}), pairs: map[*pair]bool{}}
	p.done.Go(p.accept)
	return p, nil
}

// Addr returns the host:port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set puts a fault into force in place of the last one.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	p.fault = f
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if f.Refuse {
		p.Cut()
	}
}

// Cut closes all open connections; what was held in them is lost.
func (p *Proxy) Cut() {
	p.mu.Lock()
	open := p.pairs
	p.pairs = map[*pair]bool{}
	p.mu.Unlock()
	for c := range open {
		c.close()
	}
}

// Silence lets the open connections die silently, as a NAT does that has forgotten them: from now on whatever either side
// sends vanishes, on Linux down to the acknowledgements of TCP, and neither side learns of it. Connections made later work.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		c.silent.Store(true)
		dropPackets(c.client)
		dropPackets(c.server)
	}
}

// Open returns how many connections are open.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pairs)
}

// Close ends the proxy and waits for its goroutines.
func (p *Proxy) Close() {
	_ = p.listener.Close() // nothing is left to lose
	p.Set(Fault{Refuse: true})
	p.done.Wait()
}

func (p *Proxy) current() (Fault, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault, p.changed
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if f, _ := p.current(); f.Refuse {
			reset(client)
			continue
		}
		p.done.Go(func() { p.connect(client) }) // a server that hangs holds up its own clients only
	}
}

func (p *Proxy) connect(client net.Conn) {
	dialer := net.Dialer{Timeout: dialTime}
	server, err := dialer.DialContext(context.Background(), "tcp", p.target)
	if err != nil {
		reset(client)
		return
	}
	p.join(&pair{client: client, server: server, cut: make(chan struct{})})
}

func (p *Proxy) join(c *pair) {
	p.mu.Lock()
	p.pairs[c] = true
	refuse := p.fault.Refuse
	p.mu.Unlock()
	if refuse { // it began in between
		p.leave(c)
		return
	}
	p.done.Go(func() { p.requests(c) })
	p.done.Go(func() { p.answers(c) })
}

func (p *Proxy) leave(c *pair) {
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
	c.close()
}

func (c *pair) close() {
	c.once.Do(func() {
		close(c.cut)
		reset(c.client)
		reset(c.server)
	})
}

// reset closes a connection as a machine does that knows nothing of it.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// pass waits until the direction is free, and returns the fault of that moment. It returns false when the pair is cut.
func (p *Proxy) pass(c *pair, held func(Fault) bool) (Fault, bool) {
	for {
		f, changed := p.current()
		if !held(f) {
			return f, true
		}
		select {
		case <-changed:
		case <-c.cut:
			return f, false
		}
	}
}

func (p *Proxy) requests(c *pair) {
	defer p.leave(c)
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.client.Read(buffer)
		if err != nil {
			return
		}
		f, ok := p.pass(c, func(f Fault) bool { return f.HoldRequests })
		if !ok {
			return
		}
		if c.silent.Load() {
			continue
		}
		to, piece := c.server, buffer[:n]
		if f.Reply != "" {
			to, piece = c.client, []byte(f.Reply)
		}
		if _, err := to.Write(piece); err != nil {
			return
		}
	}
}

func (p *Proxy) answers(c *pair) {
	defer p.leave(c)
	buffer := make([]byte, 32<<10)
	for {
		n, err := c.server.Read(buffer)
		if err != nil {
			return
		}
		f, ok := p.pass(c, func(f Fault) bool { return f.HoldAnswers })
		if !ok || !c.wait(f.Latency) {
			return
		}
		if c.silent.Load() {
			continue
		}
		piece := buffer[:n]
		if f.CutAfter > 0 && f.CutAfter < n {
			piece = piece[:f.CutAfter]
		}
		if !p.send(c, piece) || len(piece) < n {
			return
		}
	}
}

// send writes to the client, byte by byte as long as the fault wants a pause between them.
func (p *Proxy) send(c *pair, piece []byte) bool {
	for len(piece) > 0 {
		f, changed := p.current()
		size := len(piece)
		if f.Drip > 0 {
			size = 1
		}
		if _, err := c.client.Write(piece[:size]); err != nil {
			return false
		}
		piece = piece[size:]
		timer := time.NewTimer(f.Drip)
		select {
		case <-timer.C:
		case <-changed:
		case <-c.cut:
		}
		timer.Stop()
	}
	return true
}

// wait returns false when the pair is cut first.
func (c *pair) wait(d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.cut:
		return false
	}
}

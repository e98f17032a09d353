package proxy

import (
	"sync"
	"time"
)

const (
	// directIdle is how long a connection waits for a request. Servers close theirs after a minute or two.
	directIdle = 60 * time.Second
	// directSweep is how often those that wait are looked at: who has closed one shall not wait for us.
	directSweep = time.Second
	// maxDirectIdle is how many connections wait for each upstream.
	maxDirectIdle = 256
)

// directPool holds connections that wait for a request. The zero value is an empty pool. It is safe for concurrent use.
type directPool struct {
	mu      sync.Mutex // guards what follows
	waiting map[string][]*directConnection
	sweeper *time.Timer // runs while any wait
}

// take returns the connection that came last and still lives, or nil.
func (p *directPool) take(key string) *directConnection {
	for {
		c := p.pop(key)
		if c == nil {
			return nil
		}
		if time.Since(c.idle) < directIdle && peekQuiet(c.Conn) {
			return c
		}
		_ = c.Close() // nobody talks to it
	}
}

func (p *directPool) pop(key string) *directConnection {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.waiting[key]
	if len(all) == 0 {
		return nil
	}
	last := all[len(all)-1]
	all[len(all)-1] = nil
	p.waiting[key] = all[:len(all)-1]
	return last
}

// put takes a connection in.
func (p *directPool) put(c *directConnection) {
	c.idle = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting[c.key]) >= maxDirectIdle {
		_ = c.Close() // nobody talks to it
		return
	}
	if p.waiting == nil {
		p.waiting = map[string][]*directConnection{}
	}
	p.waiting[c.key] = append(p.waiting[c.key], c)
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(directSweep, p.sweep)
	}
}

// sweep closes what has waited for too long, or is of no use any more.
func (p *directPool) sweep() {
	p.keepIdle(func(c *directConnection) bool { return time.Since(c.idle) < directIdle && peekQuiet(c.Conn) })
}

// keepIdle closes the connections that wait, but for those that are worth it.
func (p *directPool) keepIdle(worth func(*directConnection) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := 0
	for key, all := range p.waiting {
		kept := all[:0]
		for _, c := range all {
			if worth(c) {
				kept = append(kept, c)
			} else {
				_ = c.Close() // nobody talks to it
			}
		}
		clear(all[len(kept):])
		p.waiting[key] = kept
		left += len(kept)
	}
	if p.sweeper != nil {
		p.sweeper.Stop()
		p.sweeper = nil
	}
	if left > 0 {
		p.sweeper = time.AfterFunc(directSweep, p.sweep)
	}
}

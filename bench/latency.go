package main

import (
	"net"
	"time"
)

// farListener is a listener whose clients are far away: what they send arrives a round trip late, and the first piece two,
// because the TCP handshake takes another. What the server sends arrives at once, so that a request and its answer take
// one round trip in all.
type farListener struct {
	net.Listener
	roundTrip time.Duration
}

// Accept returns the next connection.
func (l farListener) Accept() (net.Conn, error) {
	connection, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newFarConn(connection, l.roundTrip), nil
}

// farConn reads from a pipe, which knows deadlines, what a delay line has taken from the connection.
type farConn struct {
	net.Conn          // for writing
	arrived  net.Conn // for reading
}

// piece is on its way until due.
type piece struct {
	data []byte
	due  time.Time
}

func newFarConn(connection net.Conn, roundTrip time.Duration) *farConn {
	arrived, sent := net.Pipe()
	line := make(chan piece, 1024)
	go func() {
		defer close(line)
		extra := roundTrip
		for {
			buffer := make([]byte, 16<<10)
			n, err := connection.Read(buffer)
			if n > 0 {
				line <- piece{buffer[:n], time.Now().Add(roundTrip + extra)}
			}
			if err != nil {
				return
			}
			extra = 0
		}
	}()
	go func() {
		for p := range line { // to its end, so that the reader never waits
			time.Sleep(time.Until(p.due))
			_, _ = sent.Write(p.data) // the server may have closed
		}
		_ = sent.Close() // so the server reads the end
	}()
	return &farConn{Conn: connection, arrived: arrived}
}

// Read reads what has arrived.
func (c *farConn) Read(b []byte) (int, error) { return c.arrived.Read(b) }

// SetReadDeadline bounds Read.
func (c *farConn) SetReadDeadline(t time.Time) error { return c.arrived.SetReadDeadline(t) }

// SetDeadline bounds Read and Write.
func (c *farConn) SetDeadline(t time.Time) error {
	if err := c.arrived.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// Close closes both directions.
func (c *farConn) Close() error {
	_ = c.arrived.Close() // a pipe's never fails
	return c.Conn.Close()
}

package redisstore

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"time"

	"stagedoor/internal/dial"
)

// newDialer connects to Redis. It never fails: a connection that could not be made reports that when it is first used.
// go-redis counts failed dials, and after as many as its pool is large it rejects all commands until a probe, once in a
// second, gets through. That would go on for more than a second after Redis is back.
func newDialer(timeout time.Duration, config *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	plain := dial.New(timeout)
	connect := plain.DialContext
	if config != nil {
		connect = (&tls.Dialer{NetDialer: plain, Config: config}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if path, isUnix := strings.CutPrefix(address, unixPrefix); isUnix {
			network, address = "unix", path
		}
		connection, err := connect(ctx, network, address)
		if err != nil {
			return unreachable{err}, nil
		}
		return connection, nil
	}
}

// unreachable is a connection that was not made.
type unreachable struct{ err error }

func (u unreachable) Read([]byte) (int, error)       { return 0, u.err }
func (u unreachable) Write([]byte) (int, error)      { return 0, u.err }
func (unreachable) Close() error                     { return nil }
func (unreachable) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (unreachable) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (unreachable) SetDeadline(time.Time) error      { return nil }
func (unreachable) SetReadDeadline(time.Time) error  { return nil }
func (unreachable) SetWriteDeadline(time.Time) error { return nil }

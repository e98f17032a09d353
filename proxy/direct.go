package proxy

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"time"
)

// maxDirectBody is the longest body that direct sends, in bytes: it fits into the buffers of any connection, so that
// writing it cannot wait for an upstream that answers before it reads.
const maxDirectBody = 16 << 10

// direct carries small requests over plain HTTP/1.1, as to a frontend nearby, each from the goroutine that asks.
// http.Transport keeps two goroutines for every connection and hands each request and each answer from one to the other,
// which is a good part of what a request costs. It needs them for what direct leaves to it: bodies that are sent while
// the answer comes, upgrades, proxies, and TLS with HTTP/2, which docs/benchmarks.md shows to be the best way to a server
// far away.
//
// A connection is used again only when its answer was read to the end, nothing came behind it, and nothing has come
// since: an answer must never be taken for the next one's. Requests are never sent twice, except a GET or HEAD over a
// connection that turns out to be closed before a byte of an answer came.
type direct struct {
	config   UpstreamConfig
	dialer   net.Dialer
	pool     directPool
	fallback *http.Transport
}

func newDirect(c UpstreamConfig, fallback *http.Transport) *direct {
	return &direct{
		config: c, dialer: net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: 30 * time.Second}, fallback: fallback,
	}
}

// CloseIdleConnections closes the connections that wait for a request.
func (d *direct) CloseIdleConnections() {
	d.pool.keepIdle(func(*directConnection) bool { return false })
	d.fallback.CloseIdleConnections()
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if !d.takes(r) {
		return d.fallback.RoundTrip(r)
	}
	for {
		c, err := d.connection(r)
		if err != nil {
			return nil, err
		}
		used := c.used
		res, err := c.roundTrip(r)
		if err == nil {
			return res, nil
		}
		_ = c.Close()
		again := used && !c.answered && r.Context().Err() == nil && errors.Is(err, errConnectionEnded)
		if !again || r.Method != http.MethodGet && r.Method != http.MethodHead || r.Body != nil && r.Body != http.NoBody {
			return nil, err
		}
	}
}

// takes tells whether direct carries the request itself.
func (d *direct) takes(r *http.Request) bool {
	if !canPeek { // a connection could not be used again
		return false
	}
	_, inMemory := r.Body.(memoryBody)
	small := r.Body == nil || r.Body == http.NoBody || inMemory && r.ContentLength <= maxDirectBody
	plain := r.Header["Upgrade"] == nil && r.Header["Expect"] == nil && r.Header["Te"] == nil && len(r.Trailer) == 0 &&
		len(r.TransferEncoding) == 0
	if !small || !plain || r.URL.Scheme != "http" {
		return false
	}
	if d.fallback.Proxy == nil {
		return true
	}
	proxy, err := d.fallback.Proxy(r)
	return proxy == nil && err == nil
}

// connection returns one that waits, or makes one.
func (d *direct) connection(r *http.Request) (*directConnection, error) {
	key := r.URL.Host
	if c := d.pool.take(key); c != nil {
		return c, nil
	}
	port := r.URL.Port()
	if port == "" {
		port = "80"
	}
	conn, err := d.dialer.DialContext(r.Context(), "tcp", net.JoinHostPort(r.URL.Hostname(), port))
	if err != nil {
		return nil, err
	}
	c := &directConnection{Conn: conn, key: key, config: d.config, pool: &d.pool}
	c.limited.source = conn
	c.in, c.out = bufio.NewReader(&c.limited), bufio.NewWriter(conn)
	return c, nil
}

// errConnectionEnded says that the upstream closed a connection instead of answering.
var errConnectionEnded = errors.New("the upstream closed the connection")

// directConnection is a connection that carries one request at a time.
type directConnection struct {
	net.Conn
	key      string // what it leads to
	config   UpstreamConfig
	pool     *directPool
	limited  limitedReader
	in       *bufio.Reader // from limited
	out      *bufio.Writer
	used     bool      // has carried a request
	answered bool      // something of this request's answer has come
	idle     time.Time // since when it waits for a request
}

// roundTrip sends a request and reads its answer's header. After an error the connection is of no use.
func (c *directConnection) roundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	c.used, c.answered = true, false
	if err := c.SetDeadline(time.Now().Add(c.config.HeaderTimeout)); err != nil {
		return nil, err
	}
	// From here on a deadline in the past is what ends every read and write, when the request ends.
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	res, err := c.exchange(r)
	if err == nil {
		err = c.SetDeadline(time.Time{}) // bodies may stream for as long as they like
	}
	if err == nil && ctx.Err() != nil { // it may have ended between the two deadlines
		err = ctx.Err()
	}
	if err != nil {
		stop()
		return nil, c.explain(ctx, err)
	}
	res.Request = r
	c.limited.left = -1
	if res.Body == http.NoBody {
		c.finish(stop, !res.Close && !r.Close)
		return res, nil
	}
	res.Body = &directBody{ReadCloser: res.Body, ctx: ctx, connection: c, stop: stop, keep: !res.Close && !r.Close}
	return res, nil
}

// explain says what an error of the connection means.
func (c *directConnection) explain(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case c.limited.exceeded:
		return fmt.Errorf("the answer's header is longer than upstream.max_header, %d bytes", c.config.MaxHeader)
	case errors.Is(err, os.ErrDeadlineExceeded), c.answered:
		return err
	default:
		return fmt.Errorf("%w: %w", errConnectionEnded, err)
	}
}

func (c *directConnection) exchange(r *http.Request) (*http.Response, error) {
	if err := r.Write(c.out); err != nil {
		return nil, err
	}
	if err := c.out.Flush(); err != nil {
		return nil, err
	}
	for {
		c.limited.left = int64(c.config.MaxHeader) // for each, as http.Transport has it
		if _, err := c.in.Peek(1); err != nil {
			return nil, err
		}
		c.answered = true
		res, err := http.ReadResponse(c.in, r)
		if err != nil {
			return nil, err
		}
		if res.StatusCode == http.StatusSwitchingProtocols {
			return nil, errors.New("the upstream switched protocols, which nobody asked for")
		}
		if res.StatusCode >= http.StatusOK || res.StatusCode < http.StatusContinue {
			return res, nil
		}
		if err := tellEarly(r.Context(), res); err != nil {
			return nil, err
		}
	}
}

// tellEarly passes a 1xx header to who wants it.
func tellEarly(ctx context.Context, res *http.Response) error {
	trace := httptrace.ContextClientTrace(ctx)
	if trace == nil || trace.Got1xxResponse == nil {
		return nil
	}
	return trace.Got1xxResponse(res.StatusCode, textproto.MIMEHeader(res.Header))
}

// finish puts the connection back if it can carry another request, and closes it otherwise.
func (c *directConnection) finish(stop func() bool, keep bool) {
	if stop() && keep && c.in.Buffered() == 0 {
		c.pool.put(c)
		return
	}
	_ = c.Close()
}

// directBody gives its connection back at its end.
type directBody struct {
	io.ReadCloser
	ctx        context.Context   // of the request
	connection *directConnection // nil once it is given back
	stop       func() bool
	keep       bool
}

// Read implements io.Reader.
func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		return n, nil
	}
	whole := errors.Is(err, io.EOF)
	b.end(whole)
	if !whole && b.ctx.Err() != nil { // that is why
		err = b.ctx.Err()
	}
	return n, err
}

// Close implements io.Closer. What has not been read is not waited for.
func (b *directBody) Close() error {
	b.end(false)
	return nil
}

func (b *directBody) end(whole bool) {
	if c := b.connection; c != nil {
		b.connection = nil
		c.finish(b.stop, b.keep && whole)
	}
}

// limitedReader bounds the header of an answer.
type limitedReader struct {
	source   io.Reader
	left     int64 // bytes; negative: no bound
	exceeded bool
}

func (l *limitedReader) Read(p []byte) (int, error) {
	if l.left == 0 {
		l.exceeded = true
		return 0, errors.New("the header is too long")
	}
	if l.left > 0 && int64(len(p)) > l.left {
		p = p[:l.left]
	}
	n, err := l.source.Read(p)
	if l.left > 0 {
		l.left -= int64(n)
	}
	return n, err
}

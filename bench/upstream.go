package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"stagedoor/proxy/proxytest"
)

// Pages of the upstream, below its API.
const (
	smallPage  = "/me/player"                              // 2 KiB, never compressed
	fewPage    = "/me/playlists?limit=4"                   // 3 KB, compressed for clients that accept gzip
	manyPage   = "/me/playlists?limit=50"                  // 33 KB, likewise
	freshPage  = "&fresh=true"                             // behind one of the two: fresh for an hour
	streamPage = "/playlists/3cEYpjA9oz9GiPac4AsH4n/items" // 1 MiB that begins with stampFormat
)

const (
	// streamPieces is how many pieces a stream comes in, each after an interval.
	streamPieces   = 64
	streamInterval = time.Millisecond
	// stampFormat begins a stream with the nanosecond in which it left.
	stampFormat = `{"left_at":%019d,`
)

// upstream imitates the Web API as far as a proxy can tell: its answers are fixed.
type upstream struct {
	api    string // what the addresses in its answers begin with
	origin string
	opened atomic.Int64 // connections
	asked  atomic.Int64 // requests
}

// upstreamKind says how an upstream is reached.
type upstreamKind struct {
	tls       *tls.Config   // nil: plain HTTP; otherwise HTTP/2 too
	roundTrip time.Duration // added latency
}

// startBackends starts what most sections need behind a proxy: an upstream over plain HTTP, and a Redis for sessions.
func (b *bench) startBackends(ctx context.Context) (*upstream, *redisServer, error) {
	to, err := b.startUpstream(upstreamKind{})
	if err != nil {
		return nil, nil, err
	}
	redis, err := b.startRedis(ctx)
	return to, redis, err
}

// startSecureBackends is startBackends with an upstream over TLS and HTTP/2, to which every round trip takes so long. The file is of
// the certificate, for the environment variable SSL_CERT_FILE and for servers that need one.
func (b *bench) startSecureBackends(ctx context.Context, roundTrip time.Duration) (to *upstream, redis *redisServer, file string, err error) {
	certificate, file, err := b.newCertificate()
	if err != nil {
		return nil, nil, "", err
	}
	if to, err = b.startUpstream(upstreamKind{tls: certificate, roundTrip: roundTrip}); err != nil {
		return nil, nil, "", err
	}
	redis, err = b.startRedis(ctx)
	return to, redis, file, err
}

// startUpstream serves until the section is over.
func (b *bench) startUpstream(kind upstreamKind) (*upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	u := &upstream{origin: "http://" + listener.Addr().String()}
	if kind.tls != nil {
		u.origin = "https://" + listener.Addr().String()
	}
	u.api = u.origin + "/v1"
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // nginx asks with it
	protocols.SetHTTP2(kind.tls != nil)
	server := &http.Server{
		Handler: u.handler(), Protocols: protocols, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0),                   // proxies that leave
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100}, // as most servers allow
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				u.opened.Add(1)
			}
		},
	}
	if kind.roundTrip > 0 {
		listener = farListener{listener, kind.roundTrip}
	}
	go func() {
		if kind.tls == nil {
			_ = server.Serve(listener) // until it is closed
			return
		}
		server.TLSConfig = kind.tls.Clone()
		_ = server.ServeTLS(listener, "", "")
	}()
	b.after(func() { _ = server.Close() })
	return u, nil
}

// address is host:port.
func (u *upstream) address() string {
	_, address, _ := strings.Cut(u.origin, "://")
	return address
}

func (u *upstream) handler() http.Handler {
	mux := http.NewServeMux()
	small := jsonPage(u.api, smallSize)
	few, many := newCodedPage(proxytest.PlaylistPage(u.api, fewItems)), newCodedPage(proxytest.PlaylistPage(u.api, manyItems))
	mux.HandleFunc("GET /v1/me", whoAmI)
	mux.HandleFunc("GET /v1/me/player", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, small) })
	mux.HandleFunc("GET /v1/me/playlists", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("limit") == strconv.Itoa(fewItems) {
			few.answer(w, r)
			return
		}
		many.answer(w, r)
	})
	mux.HandleFunc("GET /v1/playlists/{id}/items", u.stream)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u.asked.Add(1)
		if r.Header.Get("Authorization") == "" && r.Header.Get("X-Forwarded-Access-Token") == "" { // oauth2-proxy's way
			http.Error(w, "No token provided", http.StatusUnauthorized)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// codedPage is a page as it is and compressed.
type codedPage struct{ plain, compressed []byte }

func newCodedPage(plain []byte) codedPage { return codedPage{plain, compress(plain)} }

// answer answers as Spotify does: without a length, with gzip for clients that accept it.
func (p codedPage) answer(w http.ResponseWriter, r *http.Request) {
	setHeader(w.Header())
	if r.FormValue("fresh") != "" {
		w.Header().Set("Cache-Control", "private, max-age=3600")
	}
	body := p.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		body = p.compressed
	}
	_, _ = w.Write(body) // a proxy that left needs no answer
	_ = http.NewResponseController(w).Flush()
}

// writeJSON answers with a length.
func writeJSON(w http.ResponseWriter, body []byte) {
	setHeader(w.Header())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a proxy that left needs no answer
}

// setHeader sets what Spotify's answers have.
func setHeader(h http.Header) {
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "private, max-age=0")
	h.Set("Vary", "Authorization")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Server", "envoy")
	h.Set("Via", "HTTP/2 edgeproxy, 1.1 google")
	h.Set("Alt-Svc", `h3=":443"; ma=2592000,h3-29=":443"; ma=2592000`)
}

// whoAmI answers that every token is somebody else's, so that every login is another user's.
func whoAmI(w http.ResponseWriter, r *http.Request) {
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(r.Header.Get("Authorization"))) // a hash takes everything
	user := fmt.Sprintf("%025d", sum.Sum64())
	writeJSON(w, fmt.Appendf(nil, `{"id":%q,"account_id":%q,"display_name":"Somebody Somewhere","images":[{"url":`+
		`"https://i.scdn.co/image/ab6775700000ee85%s","width":300,"height":300}]}`, user, user, user))
}

// stream sends a large page piece by piece.
func (u *upstream) stream(w http.ResponseWriter, r *http.Request) {
	body := jsonPage(u.api, streamSize)[1:] // its opening bracket is in the stamp
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	control := http.NewResponseController(w)
	ticks := time.NewTicker(streamInterval)
	defer ticks.Stop()
	_, _ = fmt.Fprintf(w, stampFormat, time.Now().UnixNano()) // a proxy that left is noticed below
	for size := (len(body) + streamPieces - 1) / streamPieces; len(body) > 0; {
		n := min(size, len(body))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		if err := control.Flush(); err != nil {
			return
		}
		body = body[n:]
		select {
		case <-ticks.C:
		case <-r.Context().Done():
			return
		}
	}
}

package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// bareCommand makes this program the baseline.
const bareCommand = "bare"

// staticToken has the size of an access token of Spotify's.
const staticToken = "BQ0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH" +
	"IJKLMNOPQRSTUVWXYZ-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_0123456789"

// serveBare is the baseline: the least that Go's own reverse proxy can do with one fixed header, with the settings that
// make it quick, a buffer pool and as many idle connections as there are requests.
func serveBare(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet(bareCommand, flag.ContinueOnError)
	listen := flags.String("listen", "", "host:port")
	upstream := flags.String("upstream", "", "origin")
	certificate := flags.String("certificate", "", "file with a certificate and its key; empty: plain HTTP")
	if err := flags.Parse(args); err != nil {
		return err
	}
	to, err := url.Parse(*upstream)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(to)
				r.Out.Header.Set("Authorization", "Bearer "+staticToken)
			},
			Transport: &http.Transport{
				DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1024, DisableCompression: true, ForceAttemptHTTP2: true,
			},
			BufferPool: &barePool{},
		},
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	serve := server.Serve
	if *certificate != "" {
		serve = func(l net.Listener) error { return server.ServeTLS(l, *certificate, *certificate) }
	}
	if err := serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// barePool implements httputil.BufferPool.
type barePool struct{ pool sync.Pool }

const bareBuffer = 32 << 10

// Get returns a buffer that is free.
func (b *barePool) Get() []byte {
	if buffer, ok := b.pool.Get().(*[bareBuffer]byte); ok {
		return buffer[:]
	}
	return make([]byte, bareBuffer)
}

// Put takes a buffer back.
func (b *barePool) Put(buffer []byte) { b.pool.Put((*[bareBuffer]byte)(buffer)) }

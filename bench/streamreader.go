package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// stream reads a stream of server-sent events, and comes back when it ends, as an EventSource does.
type stream struct {
	address, path, cookie string
	// client opens the stream over HTTP/2; nil: the stream has a connection of its own, without TLS, over HTTP/1.1.
	client *http.Client

	mu     sync.Mutex // guards what follows
	states []time.Time
	opened time.Time // when the stream that is open began; zero while none is
	lastID string
	ended  bool // by an event that says so
}

// run reads until ctx ends.
func (s *stream) run(ctx context.Context) {
	for wait := 2 * time.Second; ctx.Err() == nil; {
		wait = s.once(ctx, wait)
		s.mu.Lock()
		s.opened = time.Time{}
		over := s.ended
		s.mu.Unlock()
		if over {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// once reads one stream to its end, and returns how long its reader is to wait before the next.
func (s *stream) once(ctx context.Context, wait time.Duration) time.Duration {
	events, end := s.open(ctx)
	if events == nil {
		return wait
	}
	defer end()
	s.mu.Lock()
	s.opened = time.Now()
	s.mu.Unlock()
	body := bufio.NewReaderSize(events, 1024)
	for {
		line, err := body.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) { // data is longer; what it says is not needed
			return wait
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch string(name) {
		case "retry":
			if n, err := strconv.Atoi(string(value)); err == nil {
				wait = time.Duration(n) * time.Millisecond
			}
		case "id":
			s.lastID = string(value)
		case "event":
			s.mu.Lock()
			switch string(value) {
			case "state":
				s.states = append(s.states, time.Now())
			case "ended", "failed", "replaced":
				s.ended = true
			}
			s.mu.Unlock()
		}
	}
}

// open asks for the stream, and returns its events and how to end it; nil when there is none.
func (s *stream) open(ctx context.Context) (events io.Reader, end func()) {
	scheme := "http"
	if s.client != nil {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+s.address+s.path, nil)
	if err != nil {
		return nil, nil
	}
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range map[string]string{"Cookie": s.cookie, "Last-Event-ID": s.lastID} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	ask := s.askAlone
	if s.client != nil {
		ask = s.client.Do
	}
	response, err := ask(request)
	if err != nil {
		return nil, nil
	}
	end = func() { _ = response.Body.Close() } // only read from
	if response.StatusCode != http.StatusOK {
		end()
		return nil, nil
	}
	return response.Body, end
}

// askAlone sends a request over a connection of its own, which takes less memory here than a client's.
func (s *stream) askAlone(request *http.Request) (*http.Response, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(request.Context(), "tcp", s.address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(request.Context(), func() { _ = conn.Close() })
	if err := request.Write(conn); err != nil {
		stop()
		return nil, errors.Join(err, conn.Close())
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 1024), request)
	if err != nil {
		stop()
		return nil, errors.Join(err, conn.Close())
	}
	response.Body = &closingBody{Reader: response.Body, conn: conn, stop: stop}
	return response, nil
}

// closingBody closes its connection, and does not read what is left of the body.
type closingBody struct {
	io.Reader

	conn net.Conn
	stop func() bool // of the watch of the context
}

func (b *closingBody) Close() error {
	b.stop()
	return b.conn.Close()
}

// since returns when the first state after a moment came; zero when none has.
func (s *stream) since(moment time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.states, moment.Before); i >= 0 {
		return s.states[i]
	}
	return time.Time{}
}

func (s *stream) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.opened.IsZero()
}

// openSince says whether a stream is open that began after a moment.
func (s *stream) openSince(moment time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened.After(moment)
}

// readAll starts the streams, side by side but not all at once.
func readAll(ctx context.Context, streams []*stream) {
	slots := make(chan struct{}, 64)
	for _, s := range streams {
		slots <- struct{}{}
		go func() {
			time.AfterFunc(20*time.Millisecond, func() { <-slots })
			s.run(ctx)
		}()
	}
}

// await waits until all streams are so, and returns how long that took.
func await(ctx context.Context, what string, streams []*stream, so func(*stream) bool) (time.Duration, error) {
	begun := time.Now()
	for {
		missing := 0
		for _, s := range streams {
			if !so(s) {
				missing++
			}
		}
		switch {
		case missing == 0:
			return time.Since(begun), nil
		case time.Since(begun) > 2*time.Minute:
			return 0, fmt.Errorf("%d of %d streams: %s, after two minutes", missing, len(streams), what)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

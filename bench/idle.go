package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// idleOpeners is how many connections are opened side by side.
	idleOpeners = 8
	// settleTime is how long a process may settle before its memory is read.
	settleTime = 2 * time.Second
	// otherFiles is how many open files a process needs beside the connections.
	otherFiles = 500
)

// measureIdle compares what an open connection costs that has carried one request and waits for the next.
func measureIdle(ctx context.Context, b *bench) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	n := min(b.options.idle, int(min(limit.Max, 1<<20))-otherFiles)
	if n < 1 {
		return fmt.Errorf("the limit of open files is %d; raise it with ulimit -n", limit.Max)
	}
	to, redis, err := b.startBackends(ctx)
	if err != nil {
		return err
	}
	bare, stagedoor := series{}, series{}
	for range b.options.rounds { // fresh processes: a heap that was large once hides what grows
		t, err := b.startBare(ctx, "bare proxy", to, "")
		if err != nil {
			return err
		}
		if bare, err = measureIdleOf(ctx, t, n, bare); err != nil {
			return err
		}
		if t, err = b.startLoggedIn(ctx, gatewayKind{name: "Stagedoor", redis: redis}, to); err != nil {
			return err
		}
		if stagedoor, err = measureIdleOf(ctx, t, n, stagedoor); err != nil {
			return err
		}
	}
	b.report.text("%d connections, opened by fresh processes' clients; each has carried one request. Growth of RSS, a connection.", n)
	ratio := stagedoor.over(bare)
	b.report.table([]string{"what", "KiB a connection", "ratio"}, [][]string{
		{"bare proxy", bare.text(1), "1.000"}, {"Stagedoor", stagedoor.text(1), ratio.text(3)},
	})
	b.report.goals.reached(goalIdle, ratio.median())
	return nil
}

// measureIdleOf adds the KiB a connection of one fresh process, and stops it.
func measureIdleOf(ctx context.Context, t target, n int, figures series) (series, error) {
	defer t.process.stop()
	if _, err := t.get(ctx, smallPage); err != nil {
		return nil, err
	}
	before, err := residentBytes(t.process.pid)
	if err != nil {
		return nil, err
	}
	connections := make([]net.Conn, n)
	defer func() {
		for _, connection := range connections {
			if connection != nil {
				_ = connection.Close() // nothing is left to lose
			}
		}
	}()
	request, err := t.request(ctx, smallPage)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := request.Write(&text); err != nil {
		return nil, err
	}
	if err := openIdle(ctx, request.URL.Host, text.String(), connections); err != nil {
		return nil, fmt.Errorf("%s: %w", t.name, err)
	}
	select {
	case <-time.After(settleTime):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	after, err := residentBytes(t.process.pid)
	if err != nil {
		return nil, err
	}
	if err := carry(connections[0], text.String()); err != nil { // the oldest
		return nil, fmt.Errorf("%s has closed idle connections before they were measured: %w", t.name, err)
	}
	return append(figures, (after-before)/1024/float64(n)), nil
}

// openIdle fills connections, each with one request behind it.
func openIdle(ctx context.Context, address, request string, connections []net.Conn) error {
	var dialer net.Dialer
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(idleOpeners)
	for i := range connections {
		group.Go(func() (err error) {
			if connections[i], err = dialer.DialContext(ctx, "tcp", address); err != nil {
				return err
			}
			return carry(connections[i], request)
		})
	}
	return group.Wait()
}

// carry sends a request over a connection and reads its answer to the end.
func carry(connection net.Conn, request string) error {
	if _, err := io.WriteString(connection, request); err != nil {
		return err
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("a connection's request was answered with %s", response.Status)
	}
	return nil
}

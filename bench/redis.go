package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
)

// redisServer is a Redis that keeps nothing on disk, and a connection to ask it how it is.
type redisServer struct {
	*process
	address    string
	connection net.Conn
	reader     *bufio.Reader
}

// startRedis starts an empty Redis.
func (b *bench) startRedis(ctx context.Context) (*redisServer, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p, err := b.start(ctx, "redis-server", nil, "redis-server", "--bind", host, "--port", port, "--save", "",
		"--appendonly", "no", "--dir", b.folder)
	if err != nil {
		return nil, err
	}
	if err := p.listening(ctx, address); err != nil {
		return nil, err
	}
	var dialer net.Dialer
	connection, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	b.after(func() { _ = connection.Close() })
	return &redisServer{process: p, address: address, connection: connection, reader: bufio.NewReader(connection)}, nil
}

// do sends one command and returns its answer: a string, an int64, a []any, or nil.
func (r *redisServer) do(words ...string) (any, error) {
	var command strings.Builder
	fmt.Fprintf(&command, "*%d\r\n", len(words))
	for _, word := range words {
		fmt.Fprintf(&command, "$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(r.connection, command.String()); err != nil {
		return nil, err
	}
	return readReply(r.reader)
}

// readReply reads an answer of Redis' protocol, RESP2.
func readReply(reader *bufio.Reader) (any, error) {
	line, err := reader.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, text := line[0], strings.TrimRight(line[1:], "\r\n")
	if kind == '+' {
		return text, nil
	}
	if kind == '-' {
		return nil, errors.New("Redis answered: " + text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return nil, fmt.Errorf("Redis' answer is not understood: %w", err)
	case kind == ':':
		return n, nil
	case n < 0:
		return nil, nil
	case kind == '$':
		value := make([]byte, n+2)
		_, err := io.ReadFull(reader, value)
		return string(value[:n]), err
	case kind == '*':
		values := make([]any, n)
		for i := range values {
			if values[i], err = readReply(reader); err != nil {
				return nil, err
			}
		}
		return values, nil
	}
	return nil, fmt.Errorf("Redis' answer is not understood: %q", line)
}

// info returns a number of INFO.
func (r *redisServer) info(name string) (float64, error) {
	reply, err := r.do("INFO", "everything")
	if err != nil {
		return 0, err
	}
	text, _ := reply.(string)
	return parseInfo(text, name)
}

func parseInfo(text, name string) (float64, error) {
	for line := range strings.Lines(text) {
		if value, found := strings.CutPrefix(line, name+":"); found {
			return strconv.ParseFloat(strings.TrimSpace(value), 64)
		}
	}
	return 0, fmt.Errorf("Redis does not tell %s", name)
}

// memory adds up MEMORY USAGE of all keys, without those that a login leaves for ten minutes.
func (r *redisServer) memory() (keys int, bytes float64, err error) {
	for cursor := "0"; ; {
		reply, err := r.do("SCAN", cursor, "COUNT", "1000")
		if err != nil {
			return 0, 0, err
		}
		page, ok := reply.([]any)
		if !ok || len(page) != 2 {
			return 0, 0, errors.New("Redis' answer to SCAN is not understood")
		}
		names, _ := page[1].([]any)
		for _, name := range names {
			key := fmt.Sprint(name)
			if strings.Contains(key, "{login:") {
				continue
			}
			usage, err := r.do("MEMORY", "USAGE", key)
			if err != nil {
				return 0, 0, err
			}
			if size, ok := usage.(int64); ok { // else it has ended meanwhile
				keys, bytes = keys+1, bytes+float64(size)
			}
		}
		if cursor, _ = page[0].(string); cursor == "0" || cursor == "" {
			return keys, bytes, nil
		}
	}
}

package sessiontest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// replyTime bounds one command of Do.
const replyTime = 15 * time.Second

// Do sends one command over a connection of its own and returns the reply: a string, an int64, nil or a []any of these.
// An error reply is returned as error with Redis' words. It is safe for concurrent use.
func (s *RedisServer) Do(command ...string) (any, error) {
	connection, err := net.DialTimeout("tcp", s.address, replyTime)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }() // nothing is left to lose
	if err := connection.SetDeadline(time.Now().Add(replyTime)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(connection, encodeCommand(command)); err != nil {
		return nil, err
	}
	return readReply(bufio.NewReader(connection))
}

// encodeCommand writes a command as RESP wants it (https://redis.io/docs/latest/develop/reference/protocol-spec/).
func encodeCommand(command []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(command))
	for _, word := range command {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(word), word)
	}
	return b.String()
}

func readReply(r *bufio.Reader) (any, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	kind, rest := line[0], strings.TrimRight(line[1:], "\r\n")
	switch kind {
	case '+':
		return rest, nil
	case '-':
		return nil, errors.New(rest)
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	}
	size, err := strconv.Atoi(rest)
	if err != nil || kind != '$' && kind != '*' {
		return nil, fmt.Errorf("no reply of Redis: %q", line)
	}
	switch {
	case size < 0:
		return nil, nil
	case kind == '$':
		text := make([]byte, size+len("\r\n"))
		_, err := io.ReadFull(r, text)
		return string(text[:size]), err
	default:
		list := make([]any, size)
		for i := range list {
			if list[i], err = readReply(r); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
}

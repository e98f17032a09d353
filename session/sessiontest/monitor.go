package sessiontest

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
)

// Monitor listens to all that clients send to the server from now on, published texts among it. What it returns tells
// what was heard so far, as the server writes it.
func (s *RedisServer) Monitor(t testing.TB) (heard func() string) {
	t.Helper()
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if _, err := connection.Write([]byte(encodeCommand([]string{"MONITOR"}))); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(connection)
	if _, err := lines.ReadString('\n'); err != nil { // +OK
		t.Fatal(err)
	}
	var (
		mu   sync.Mutex // guards text
		text strings.Builder
	)
	go func() {
		for {
			line, err := lines.ReadString('\n')
			mu.Lock()
			text.WriteString(line)
			mu.Unlock()
			if err != nil { // the test is over
				return
			}
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
}

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// answer is an error as go-redis makes it of a server's.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestStoreFault(t *testing.T) {
	for want, err := range map[string]error{
		"connection refused":    &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"no answer in time":     context.DeadlineExceeded,
		"connection lost":       io.EOF,
		"its name is not known": &net.OpError{Op: "dial", Err: &net.DNSError{Name: hidden, Err: "no such host", IsTimeout: true}},
		"Redis says NOAUTH":     answer("NOAUTH Authentication required. " + hidden),
		"Redis says OOM":        answer("OOM command not allowed when used memory > 'maxmemory'"),
		"see the log":           answer(strings.ToUpper(hidden) + " is what the server says"),
	} {
		err = fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
		if got := StoreFault(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
	if got := StoreFault(errors.New(hidden)); got != "see the log" {
		t.Errorf("an unknown error is %q", got)
	}
}

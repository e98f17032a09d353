package redisstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"stagedoor/session"
	"strings"
	"syscall"
	"testing"
)

// hidden is what no message may show.
const hidden = "correct-horse-battery"

// answer is an error as go-redis makes it of a server's.
type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestReason(t *testing.T) {
	for want, err := range map[string]error{
		"connection refused":    &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)},
		"no answer in time":     context.DeadlineExceeded,
		"connection lost":       io.EOF,
		"its name is not known": &net.OpError{Op: "dial", Err: &net.DNSError{Name: hidden, Err: "no such host", IsTimeout: true}},
		"Redis says NOAUTH":     answer("NOAUTH Authentication required. " + hidden),
		"Redis says OOM":        answer("OOM command not allowed when used memory > 'maxmemory'"),
		"see the log":           answer(strings.ToUpper(hidden) + " is what the server says"),
	} {
		err = fmt.Errorf("%w: %w", session.ErrStoreUnavailable, err)
		if got := Reason(err); got != want {
			t.Errorf("%v is %q, want %q", err, got, want)
		}
	}
	if got := Reason(errors.New(hidden)); got != "see the log" {
		t.Errorf("an unknown error is %q", got)
	}
}

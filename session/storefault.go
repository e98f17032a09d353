package session

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// StoreFault says in a few words why the store did not answer, for an operator. They are ours, or the code that begins an
// error of Redis, such as NOAUTH or OOM: never what a server has put together.
func StoreFault(err error) string {
	var redisError interface {
		error
		RedisError()
	}
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.As(err, &redisError) && redisCode(redisError.Error()) != "":
		return "Redis says " + redisCode(redisError.Error())
	case errors.As(err, &name):
		return "its name is not known"
	case errors.As(err, &certificate):
		return "its certificate is not trusted"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection lost"
	default:
		return "see the log"
	}
}

// redisCodes are the errors of Redis that say what an operator has to do
// (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: the first word of an error is its kind).
var redisCodes = []string{
	"NOAUTH", "WRONGPASS", "NOPERM", "OOM", "READONLY", "LOADING", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "BUSY",
	"TRYAGAIN", "MOVED", "ASK", "ERR",
}

func redisCode(text string) string {
	first, _, _ := strings.Cut(text, " ")
	for _, code := range redisCodes {
		if first == code {
			return code
		}
	}
	return ""
}

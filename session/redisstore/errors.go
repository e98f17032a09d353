package redisstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"stagedoor/secret"
	"stagedoor/session"
)

// replies are the error replies that an operator can do something about, by their begin. The first word of a reply is its code
// (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors). Advice says what to do when Redis gives the
// reply, and sentinels what to do when a sentinel does; without one, the code says enough. NOPERM is Store.rights.
var replies = []struct{ begin, advice, sentinels string }{
	{"NOAUTH", "set redis.password or password_file",
		"set redis.sentinel_password or sentinel_password_file; the sentinels know nothing of redis.password"},
	{"WRONGPASS", "correct redis.username and password",
		"correct redis.sentinel_username and sentinel_password, which are not those of Redis"},
	{"NOPERM", "", "let the user of redis.sentinel_username call PING, SUBSCRIBE to all channels, " +
		"SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL SENTINELS"},
	{"DB index", "correct redis.database", ""},
	{"READONLY", "this is a replica: name the primary in redis.addresses, or the sentinels and sentinel_master", ""},
	{"This instance has cluster support disabled", "these are no nodes of a cluster: name one server in redis.addresses, or the sentinels " +
		"with sentinel_master", ""},
	{"MOVED", "this is a node of a cluster: name several of its nodes in redis.addresses", ""},
	{"OOM", "its memory is full: raise maxmemory", ""},
	{"MISCONF", "it cannot write to its disk: look at its log", ""},
	{"LOADING", "it is reading its data after a start: try again", ""},
	{"CLUSTERDOWN", "the cluster lacks masters or slots: look at CLUSTER INFO, and start the masters or run redis-cli --cluster fix", ""},
	{"MASTERDOWN", "", ""},
	{"NOREPLICAS", "", ""},
	{"BUSY", "", ""},
	{"TRYAGAIN", "slots of the cluster are being moved: try again, or finish the move with redis-cli --cluster fix", ""},
	{"ASK", "", ""},
	{"ERR", "", ""},
}

// codeOf returns the code of an error reply that is in replies; empty for any other error.
func codeOf(err error) string {
	var reply interface {
		error
		RedisError()
	}
	if !errors.As(err, &reply) {
		return ""
	}
	first, _, _ := strings.Cut(reply.Error(), " ")
	for _, r := range replies {
		if first == r.begin {
			return first
		}
	}
	return ""
}

// Reason says in a few words why the store did not answer, for an operator. They are ours, or the code that begins an
// error of Redis, such as NOAUTH or OOM: never the text of a server.
func Reason(err error) string {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case codeOf(err) != "":
		return "Redis says " + codeOf(err)
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

// forbidden reports whether Redis' ACL rejects a command, key or channel; within a script, Redis 7.0 has other words for it.
func forbidden(err error) bool {
	return redis.HasErrorPrefix(err, "NOPERM") || redis.HasErrorPrefix(err, "The user executing the script")
}

// explain says what an error means and what to do about it. It quotes Redis, but no argument of a command.
func (s *Store) explain(err error) string {
	problem, advice := s.advise(err)
	if problem == "" {
		problem = bare(err)
	}
	return problem + "; " + advice + "."
}

// advise says what to do about an error, and what the problem is if the error itself does not say it in plain words.
func (s *Store) advise(err error) (problem, advice string) {
	var sentinels *sentinelsError
	if errors.As(err, &sentinels) {
		return sentinels.advise()
	}
	if forbidden(err) {
		return "", s.rights
	}
	for _, r := range replies {
		if r.advice != "" && redis.HasErrorPrefix(err, r.begin) {
			return "", r.advice
		}
	}
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var network net.Error
	switch {
	case errors.As(err, &authority):
		return "", "name the authority in redis.tls.ca_file"
	case errors.As(err, &host):
		return "", "name Redis in redis.addresses as its certificate does"
	case errors.Is(err, errQueueFull):
		return "", "it is too slow for the requests there are, or does not answer: look at its load and at the way there"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return fmt.Sprintf("nothing came within redis.timeout (%v)", s.timeout), "look at redis.addresses, redis.tls and the way there"
	}
	return "", "look whether it runs, and at redis.addresses and redis.tls"
}

// advise says what the sentinels' answer means, and what to do about it.
func (e *sentinelsError) advise() (problem, advice string) {
	for _, r := range replies {
		if r.sentinels != "" && redis.HasErrorPrefix(e.cause, r.begin) {
			return "the sentinels say " + r.begin, r.sentinels
		}
	}
	if errors.Is(e.cause, redis.Nil) {
		return "the sentinels know no master of this name", "correct redis.sentinel_master"
	}
	return "the sentinels do not answer", "look whether they run, and at redis.addresses, which with sentinel_master are " +
		"the sentinels' (port 26379 as a rule), and redis.tls"
}

// storeError is ErrStoreUnavailable with its cause, which it tells without what Redis and go-redis repeat.
type storeError struct{ cause error }

func (e *storeError) Error() string {
	return session.ErrStoreUnavailable.Error() + ": " + withoutArguments(e.cause.Error())
}

func (e *storeError) Unwrap() []error { return []error{session.ErrStoreUnavailable, e.cause} }

// bare is an error of do in the words of what went wrong.
func bare(err error) string {
	return strings.TrimPrefix(err.Error(), session.ErrStoreUnavailable.Error()+": ")
}

// withoutArguments cuts what Redis repeats of a command that it does not know, which may be AUTH with the password, and
// what go-redis quotes of a reply that it cannot read.
func withoutArguments(text string) string {
	said, _, _ := strings.Cut(text, ", with args beginning with:")
	return secret.WithoutQuotations(said)
}

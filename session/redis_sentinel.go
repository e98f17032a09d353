package session

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

// sentinelsError says that no sentinel has named the master. It does not unwrap: what a sentinel answers says nothing about
// a key, and redis.Nil, its answer for a name that it does not know, would be taken for an absent entry.
type sentinelsError struct{ cause error }

func (e *sentinelsError) Error() string {
	return "the sentinels do not name the master: " + e.cause.Error()
}

// sentinelDials turns the errors of a client's dials, which with sentinels are theirs, into a sentinelsError. The dial
// succeeds all the same, for the reason that redisDialer gives.
type sentinelDials struct{}

// DialHook implements redis.Hook.
func (sentinelDials) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := next(ctx, network, address)
		if err != nil {
			return unreachable{&sentinelsError{err}}, nil
		}
		return connection, nil
	}
}

// ProcessHook implements redis.Hook.
func (sentinelDials) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

// ProcessPipelineHook implements redis.Hook.
func (sentinelDials) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// sentinelRefusals are what sentinels answer by its begin, with what to do.
var sentinelRefusals = []struct{ begin, mend string }{
	{"NOAUTH", "set redis.sentinel_password or sentinel_password_file; the sentinels know nothing of redis.password"},
	{"WRONGPASS", "correct redis.sentinel_username and sentinel_password, which are not those of Redis"},
	{"NOPERM", "let the user of redis.sentinel_username call PING, SUBSCRIBE to all channels, " +
		"SENTINEL GET-MASTER-ADDR-BY-NAME and SENTINEL SENTINELS"},
}

// advice says what the sentinels' answer means, and what to do about it.
func (e *sentinelsError) advice() (fault, mend string) {
	for _, r := range sentinelRefusals {
		if redis.HasErrorPrefix(e.cause, r.begin) {
			return "the sentinels say " + r.begin, r.mend
		}
	}
	if errors.Is(e.cause, redis.Nil) {
		return "the sentinels know no master of this name", "correct redis.sentinel_master"
	}
	return "the sentinels do not answer", "look whether they run, and at redis.addresses, which with sentinel_master are " +
		"the sentinels' (port 26379 as a rule), and redis.tls"
}

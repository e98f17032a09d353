package redisstore

import (
	"context"
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
// succeeds all the same, for the reason that newDialer gives.
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

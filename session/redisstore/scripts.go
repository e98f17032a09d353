package redisstore

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Every script may be sent twice: go-redis repeats a command when its answer was lost with the connection, and Redis may have
// carried out the first. So each of them recognizes its own repetition and answers it as it did the first time.

// fullScript is a script that may write although the memory of Redis is full (https://redis.io/docs/latest/develop/programmability/eval-intro/#script-flags):
// what it writes takes the place of what is there, or is gone within seconds. Redis 6 does not know the flag, and Redis itself
// then rejects the write.
type fullScript struct{ flagged, plain *redis.Script }

func newFullScript(source string) *fullScript {
	return &fullScript{flagged: redis.NewScript("#!lua flags=allow-oom\n" + source), plain: redis.NewScript(source)}
}

// run runs the script. A server that does not know the flag says that it cannot compile the first line; unknown remembers
// that.
func (f *fullScript) run(ctx context.Context, client redis.Scripter, unknown *atomic.Bool, keys []string, args ...any) *redis.Cmd {
	if unknown.Load() {
		return f.plain.Run(ctx, client, keys, args...)
	}
	reply := f.flagged.Run(ctx, client, keys, args...)
	var rejection redis.Error
	if errors.As(reply.Err(), &rejection) && strings.HasPrefix(rejection.Error(), "ERR ") && !forbidden(rejection) {
		plain := f.plain.Run(ctx, client, keys, args...)
		if plain.Err() == nil {
			unknown.Store(true)
		}
		return plain
	}
	return reply
}

const saveSource = `
local holder = redis.call('GET', KEYS[2])
if ARGV[4] ~= '' and holder and holder ~= ARGV[4] then return 'lost' end
local found = redis.call('GET', KEYS[1])
if found and #found < 8 then found = false end -- not a value of ours
if found ~= ARGV[2] and (found and string.sub(found, 1, 8) or '') ~= ARGV[1] then return 'conflict' end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 'saved'
`

var (
	// createScript writes what was not there, which a full Redis rejects.
	createScript = redis.NewScript(saveSource)
	// replaceScript writes over what is there: a refreshed token that is not written is a user logged out.
	replaceScript = newFullScript(saveSource)
)

// deleteScript deletes and publishes. With a second key it leaves a mark there for a moment, by which its repetition knows
// that it was the one that deleted. With a full memory it leaves out the mark, and nothing else.
var deleteScript = redis.NewScript(`
if redis.call('DEL', KEYS[1]) == 1 then
	redis.call('PUBLISH', ARGV[1], ARGV[2])
	if KEYS[2] then redis.pcall('SET', KEYS[2], ARGV[3], 'PX', ARGV[4]) end
	return 1
end
if KEYS[2] and redis.call('GET', KEYS[2]) == ARGV[3] then return 1 end
return 0
`)

// acquireScript writes over a full memory: a lease is small and lasts for seconds, and no token is refreshed without one.
var acquireScript = newFullScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)

var releaseScript = redis.NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

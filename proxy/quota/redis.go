package quota

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is the Gates and the Allowance of all replicas that share a Redis. Time is measured by Redis' clock, so that the
// clocks of the replicas need not agree. All keys of a client id have one hash tag.
type Redis struct {
	client  redis.Scripter
	prefix  string // of all keys of this client id
	channel string
	timeout time.Duration
}

// NewRedis makes the ledger of a client id. News of the gates is published on the channel, as NewsGate and the bucket.
// The timeout bounds each command.
func NewRedis(client redis.Scripter, keyPrefix, clientID, channel string, timeout time.Duration) *Redis {
	sum := sha256.Sum256([]byte(clientID))
	return &Redis{
		client: client, prefix: keyPrefix + "{quota:" + hex.EncodeToString(sum[:8]) + "}", channel: channel, timeout: timeout,
	}
}

// NewsGate begins the news that a gate has changed; the bucket follows.
const NewsGate = "gate "

// now is Redis' time in milliseconds, in Lua.
const now = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`

// A gate is a hash: until (ms), reason, guess (ms), probe (ms), holder. It outlives until, so that one call goes first.
var lookScript = redis.NewScript(now + `
local g = redis.call('HMGET', KEYS[1], 'until', 'reason', 'probe', 'holder')
if not g[1] then return {0, 0, '', 0} end
local left, first = math.max(0, g[1] - now), 0
if left == 0 and ARGV[1] ~= '' and (now >= tonumber(g[3] or 0) or g[4] == ARGV[1]) then
  redis.call('HSET', KEYS[1], 'probe', now + ARGV[2], 'holder', ARGV[1])
  first = 1
end
return {1, left, g[2], first}
`)

// Look implements Gates.
func (r *Redis) Look(ctx context.Context, bucket Bucket, holder string) (GateState, error) {
	return r.gate(ctx, lookScript, bucket, holder, probeTime.Milliseconds())
}

var shutScript = redis.NewScript(now + `
local g = redis.call('HMGET', KEYS[1], 'until', 'guess', 'reason')
local till, left, reason = tonumber(g[1] or 0), tonumber(ARGV[1]), ARGV[2]
if left == 0 and till > now then left = till - now end
if left == 0 then
  left = math.min(math.max(2 * tonumber(g[2] or 0), tonumber(ARGV[3])), tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 'guess', left)
end
if now + left > till then till = now + left else reason = g[3] end
redis.call('HSET', KEYS[1], 'until', till, 'reason', reason, 'probe', 0)
redis.call('PEXPIRE', KEYS[1], till - now + tonumber(ARGV[5]))
redis.call('PUBLISH', ARGV[6], ARGV[7])
return {1, till - now, reason, 0}
`)

// halfOpen is how long a gate whose time has run is remembered when nobody calls.
const halfOpen = 10 * time.Minute

// Shut implements Gates.
func (r *Redis) Shut(ctx context.Context, bucket Bucket, left time.Duration, reason Reason) (GateState, error) {
	return r.gate(ctx, shutScript, bucket, left.Milliseconds(), string(reason), leastShut.Milliseconds(),
		mostGuess.Milliseconds(), halfOpen.Milliseconds(), r.channel, NewsGate+string(bucket))
}

var openScript = redis.NewScript(`
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return {0, 0, '', 0}
`)

// Open implements Gates.
func (r *Redis) Open(ctx context.Context, bucket Bucket) error {
	_, err := r.gate(ctx, openScript, bucket, r.channel, NewsGate+string(bucket))
	return err
}

func (r *Redis) gate(ctx context.Context, script *redis.Script, bucket Bucket, args ...any) (GateState, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	reply, err := script.Run(ctx, r.client, []string{r.prefix + ":gate:" + string(bucket)}, args...).Slice()
	if err != nil {
		return GateState{}, fmt.Errorf("ask Redis for the gate: %w", err)
	}
	left, reason := integer(reply, 1), ""
	if len(reply) > 2 {
		reason, _ = reply[2].(string)
	}
	return GateState{
		Closed: integer(reply, 0) == 1, Left: time.Duration(left) * time.Millisecond, Reason: Reason(reason),
		First: integer(reply, 3) == 1,
	}, nil
}

// The leases are a sorted set by the time (ms) when their calls count no longer; a hash has the number of calls of each.
// Replicas are a sorted set by the time when they drew last.
var drawScript = redis.NewScript(now + `
local leases, counts, replicas, serial = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local replica, calls, window, want, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lease, used, idle, unbooked = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local hold, flight = tonumber(ARGV[10]), tonumber(ARGV[11])
local function book(count, till)
  if count <= 0 then return '' end
  local name = tostring(redis.call('INCR', serial))
  redis.call('ZADD', leases, till, name)
  redis.call('HSET', counts, name, count)
  return name
end
if lease ~= '' and redis.call('ZSCORE', leases, lease) then
  if used > 0 then
    redis.call('HSET', counts, lease, used)
    redis.call('ZADD', leases, now + window - idle, lease)
  else
    redis.call('ZREM', leases, lease)
    redis.call('HDEL', counts, lease)
  end
end
book(unbooked, now + window + flight)
for _, name in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do
  redis.call('ZREM', leases, name)
  redis.call('HDEL', counts, name)
end
local left, next = calls, 0
for _, count in ipairs(redis.call('HVALS', counts)) do left = left - count end
left = math.max(0, left)
local first = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')
if first[2] then next = math.max(1, first[2] - now) end
local count = math.max(0, math.min(want, left - keep))
local name = book(count, now + hold + window + flight)
redis.call('ZADD', replicas, now, replica)
redis.call('ZREMRANGEBYSCORE', replicas, '-inf', now - 4 * window)
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, 4 * (window + hold + flight)) end
return {name, count, left - count, next, redis.call('ZCARD', replicas)}
`)

// Draw implements Allowance.
func (r *Redis) Draw(ctx context.Context, d Draw) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	keys := []string{r.prefix + ":leases", r.prefix + ":calls", r.prefix + ":replicas", r.prefix + ":serial"}
	reply, err := drawScript.Run(ctx, r.client, keys, d.Replica, d.Calls, d.Window.Milliseconds(), d.Want, d.Keep,
		d.Lease, d.Used, d.Idle.Milliseconds(), d.Unbooked, leaseTime(d.Window).Milliseconds(), inFlight.Milliseconds()).Slice()
	if err != nil {
		return Grant{}, fmt.Errorf("ask Redis for calls: %w", err)
	}
	lease, _ := reply[0].(string)
	return Grant{
		Lease: lease, Count: integer(reply, 1), Left: integer(reply, 2),
		Next: time.Duration(integer(reply, 3)) * time.Millisecond, Replicas: integer(reply, 4),
	}, nil
}

func integer(reply []any, i int) int {
	if i >= len(reply) {
		return 0
	}
	n, _ := reply[i].(int64)
	return int(n)
}

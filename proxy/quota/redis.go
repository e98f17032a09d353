package quota

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
var checkScript = redis.NewScript(now + `
local g = redis.call('HMGET', KEYS[1], 'until', 'reason', 'probe', 'holder')
if not g[1] then return {0, 0, '', 0} end
local left, first = math.max(0, g[1] - now), 0
if left == 0 and ARGV[1] ~= '' and (now >= tonumber(g[3] or 0) or g[4] == ARGV[1]) then
  redis.call('HSET', KEYS[1], 'probe', now + ARGV[2], 'holder', ARGV[1])
  first = 1
end
return {1, left, g[2], first}
`)

// Check implements Gates.
func (r *Redis) Check(ctx context.Context, bucket Bucket, holder string) (GateState, error) {
	return r.gate(ctx, checkScript, bucket, holder, probeTime.Milliseconds())
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

// halfOpen is how long a gate is remembered after its time has run out when there are no calls.
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

// The budget is one value, because each command counts: the leases, with the number of their calls and the time (ms) when
// those count no longer, and the replicas with the time when they drew last.
var drawScript = redis.NewScript(now + `
local replica, calls, window, want, keep = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local lease, used, idle, out = ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local longest = now + window + tonumber(ARGV[10]) + tonumber(ARGV[11])
local known = redis.call('GET', KEYS[1])
local b = known and cjson.decode(known) or {leases = {}, replicas = {}, serial = 0}
local function book(count, till)
  if count <= 0 then return '' end
  b.serial = b.serial + 1
  local name = 'l' .. b.serial
  b.leases[name] = {count, till}
  return name
end
b.leases[lease] = nil
book(used, now + window - idle)
b.leases['out ' .. replica] = out > 0 and {out, longest} or nil
b.replicas[replica] = {now, cjson.decode(ARGV[12]), tonumber(ARGV[13])}
local left, next, replicas, elsewhere, others = calls, 0, 0, {}, 0
for name, l in pairs(b.leases) do
  if l[2] <= now then
    b.leases[name] = nil
  else
    left = left - l[1]
    if next == 0 or l[2] - now < next then next = l[2] - now end
  end
end
for name, r in pairs(b.replicas) do
  if r[1] < now - 4 * window then b.replicas[name] = nil else replicas = replicas + 1 end
  if name ~= replica and r[1] >= now - window then
    others = others + r[3]
    for session, n in pairs(r[2]) do elsewhere[session] = (elsewhere[session] or 0) + n end
  end
end
left = math.max(0, left)
local count = math.max(0, math.min(want, left - keep))
local name = book(count, longest)
redis.call('SET', KEYS[1], cjson.encode(b), 'PX', 4 * window)
return {name, count, left - count, next, replicas, cjson.encode(elsewhere), others}
`)

// Draw implements Allowance.
func (r *Redis) Draw(ctx context.Context, d Draw) (Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	heavy := []byte("{}")
	if len(d.Heavy) > 0 {
		heavy, _ = json.Marshal(d.Heavy) // a map of numbers can be written
	}
	reply, err := drawScript.Run(ctx, r.client, []string{r.prefix + ":budget"}, d.Replica, d.Calls, d.Window.Milliseconds(),
		d.Want, d.Keep, d.Lease, d.Used, d.Idle.Milliseconds(), d.Out, leaseTime(d.Window).Milliseconds(),
		inFlight.Milliseconds(), heavy, d.Others).Slice()
	if err != nil {
		return Grant{}, fmt.Errorf("ask Redis for calls: %w", err)
	}
	lease, _ := reply[0].(string)
	var elsewhere map[string]int
	if text, _ := reply[5].(string); text != "{}" {
		if err := json.Unmarshal([]byte(text), &elsewhere); err != nil {
			return Grant{}, fmt.Errorf("read what Redis says of calls: %w", err)
		}
	}
	return Grant{
		Elsewhere: elsewhere, Others: integer(reply, 6),
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

package quota

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis is the Gates and the Allowance of all replicas that share a Redis. Time is measured by Redis' clock, so that the
// clocks of the replicas need not agree. All keys of a client id have one hash tag.
type Redis struct {
	scripts Scripts
	prefix  string // of all keys of this client id
	channel string
}

// Scripts runs scripts in Redis. It bounds how long one takes, and how many there are at a time.
type Scripts interface {
	RunScript(ctx context.Context, script *redis.Script, key string, args ...any) (reply any, err error)
}

// NewRedis makes the ledger of a client id. News of the gates is published on the channel as NewsGate and the bucket, news
// of the budget as NewsBudget.
func NewRedis(scripts Scripts, keyPrefix, clientID, channel string) *Redis {
	sum := sha256.Sum256([]byte(clientID))
	return &Redis{scripts: scripts, prefix: keyPrefix + "{quota:" + hex.EncodeToString(sum[:8]) + "}", channel: channel}
}

const (
	// NewsGate begins the news that a gate has changed; the bucket follows.
	NewsGate = "gate "
	// NewsBudget is the news that each replica should draw: there is a new one, or one needs what another holds.
	NewsBudget = "budget"
)

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

var passScript = redis.NewScript(`
if redis.call('HMGET', KEYS[1], 'holder')[1] == ARGV[1] then
  redis.call('HSET', KEYS[1], 'probe', 0)
  redis.call('PUBLISH', ARGV[2], ARGV[3])
end
return {0}
`)

// Pass implements Gates.
func (r *Redis) Pass(ctx context.Context, bucket Bucket, holder string) error {
	_, err := r.gate(ctx, passScript, bucket, holder, r.channel, NewsGate+string(bucket))
	return err
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
	reply, err := r.run(ctx, script, ":gate:"+string(bucket), args...)
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

// The budget is one value, because each command counts: when it was begun, whether Redis had lost one before, when the
// replicas were last told that one of them needs more, and what each holds. The rules are those of holdings.draw; ledger_test.go
// holds both to them. The replicas are told of a new one, because each must know how many they are.
var drawScript = redis.NewScript(now + `
local replica, serial, calls, window, lasts = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local spent, holds, want, keep, known = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local leaving, cautious, gather, idle = ARGV[11] == '1', ARGV[12] == '1', tonumber(ARGV[13]), ARGV[19] == '1'
local text = redis.call('GET', KEYS[1])
local b = text and cjson.decode(text) or {since = now, told = 0, lost = known > 0 or nil, replicas = {}}
local held, parts, total, hungry, elsewhere, others, most, room = 0, 1, 0, 0, {}, 0, 0, false
for name, r in pairs(b.replicas) do
  if r.till <= now then
    b.replicas[name] = nil
  elseif name ~= replica then
    if not r.gone then parts = parts + 1 end
    held, total, most, room = held + r.calls, total + r.spent, math.max(most, r.calls), room or r.calls > r.spent
    if now - r.drawn <= window then
      if r.hungry then hungry = 1 end
      others = others + r.others
      for session, n in pairs(r.heavy) do elsewhere[session] = (elsewhere[session] or 0) + n end
    end
  end
end
local mine, free, part = b.replicas[replica], calls - held - holds, math.floor(calls / parts)
if mine and mine.serial > serial then return {0, math.max(0, free), parts, total, hungry, cjson.encode(elsewhere), others} end
local count = math.min(want, free - keep)
if cautious then count = math.min(count, math.floor(calls / math.max(parts, known)) - holds) end
if b.lost and now - b.since < gather then count = 0 end
count = math.max(0, count)
local short = not idle and count < want and holds + count < part
b.replicas[replica] = {calls = holds + count, spent = spent, serial = serial, drawn = now, till = now + lasts,
  gone = leaving or nil, hungry = short or nil, heavy = cjson.decode(ARGV[14]), others = tonumber(ARGV[15])}
if not (mine or leaving) then
  redis.call('PUBLISH', ARGV[16], ARGV[17])
elseif short and (room or most > part) and now - b.told >= tonumber(ARGV[18]) then
  b.told = now
  redis.call('PUBLISH', ARGV[16], ARGV[17])
end
redis.call('SET', KEYS[1], cjson.encode(b), 'PX', 3 * window + lasts)
return {count, math.max(0, free - count), parts, total, hungry, cjson.encode(elsewhere), others}
`)

// Draw implements Allowance.
func (r *Redis) Draw(ctx context.Context, d Draw) (Grant, error) {
	lasts := leaseTime(d.Window) + d.Window + inFlight
	if d.Leaving {
		lasts -= leaseTime(d.Window)
	}
	heavy := []byte("{}")
	if len(d.Heavy) > 0 {
		heavy, _ = json.Marshal(d.Heavy) // a map of numbers can be written
	}
	reply, err := r.run(ctx, drawScript, ":holdings", d.Replica, d.Serial, d.Calls, d.Window.Milliseconds(), lasts.Milliseconds(),
		d.Spent, d.Holds, d.Want, d.Keep, d.Replicas, d.Leaving, d.Cautious, gatherTime.Milliseconds(), heavy, d.Others,
		r.channel, NewsBudget, tellTime(d.Window).Milliseconds(), d.Idle)
	if err != nil {
		return Grant{}, fmt.Errorf("ask Redis for calls: %w", err)
	}
	grant := Grant{
		Count: integer(reply, 0), Left: integer(reply, 1), Replicas: integer(reply, 2), Spent: integer(reply, 3),
		Hungry: integer(reply, 4) == 1, Others: integer(reply, 6),
	}
	if text, _ := reply[5].(string); text != "{}" {
		if err := json.Unmarshal([]byte(text), &grant.Elsewhere); err != nil {
			return Grant{}, fmt.Errorf("read what Redis says of calls: %w", err)
		}
	}
	return grant, nil
}

// run runs a script on a key of the client id.
func (r *Redis) run(ctx context.Context, script *redis.Script, key string, args ...any) ([]any, error) {
	reply, err := r.scripts.RunScript(ctx, script, r.prefix+key, args...)
	if err != nil {
		return nil, err
	}
	list, is := reply.([]any)
	if !is || len(list) == 0 {
		return nil, errors.New("the reply is no list")
	}
	return list, nil
}

func integer(reply []any, i int) int {
	if i >= len(reply) {
		return 0
	}
	n, _ := reply[i].(int64)
	return int(n)
}

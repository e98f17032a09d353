package quota

import (
	"context"
	"time"
)

// Reason says why calls are limited.
type Reason string

// Reasons.
const (
	ReasonRate   Reason = "rate"   // Spotify's 429, or the configured budget
	ReasonQuota  Reason = "quota"  // Spotify's QUOTA_EXCEEDED
	ReasonShare  Reason = "share"  // one session has used up its share of the budget
	ReasonBudget Reason = "budget" // the configured budget is used up
)

// GateState is what the replicas share of a gate. The zero value is an open one.
type GateState struct {
	// Closed is false when nothing keeps calls back.
	Closed bool
	// Left is how long no call may leave. When it is zero and the gate is Closed, one call goes first.
	Left time.Duration
	// Reason is why the gate was closed.
	Reason Reason
	// First tells the caller of Look, by its holder's name, that its call goes first.
	First bool
}

// Gates keeps the gates of a client id for all its replicas, by their bucket. It measures time by a clock that they share.
// The methods may be called concurrently.
type Gates interface {
	// Check returns the state of a gate. A holder that is not empty asks to make the first call when Left has run: one
	// holder at a time is told First, for probeTime.
	Check(ctx context.Context, bucket Bucket, holder string) (GateState, error)
	// Shut closes a gate for that long, or for longer when it is so already. Zero is for an answer that does not say how
	// long: 1 s, and twice as long each time until the gate was open, up to 30 s. It returns the state afterwards, and
	// every replica hears of it.
	Shut(ctx context.Context, bucket Bucket, left time.Duration, reason Reason) (GateState, error)
	// Open opens a gate, and every replica hears of it.
	Open(ctx context.Context, bucket Bucket) error
}

const (
	// probeTime is how long the others wait for the call that goes first.
	probeTime = 5 * time.Second
	// leastShut and mostGuess bound how long a gate is closed by an answer that does not say for how long.
	leastShut = time.Second
	mostGuess = 30 * time.Second
	// mostShut bounds what an answer may ask for.
	mostShut = 24 * time.Hour
)

// Draw asks for calls from the budget, and says what became of those before.
type Draw struct {
	// Replica is the name of the replica that asks.
	Replica string
	// Calls and Window are the budget: so many calls in any time so long.
	Calls  int
	Window time.Duration
	// Want is how many calls are asked for; zero only settles.
	Want int
	// Keep is how many calls must be left for others.
	Keep int
	// Lease is what is settled: so many calls were Used, the last of them Idle ago. It is empty, or unknown by now, for
	// calls that were made while the allowance could not be asked.
	Lease string
	Used  int
	Idle  time.Duration
	// Out is how many calls of the replica have left and are not answered. They count until it says otherwise.
	Out int
	// Heavy are the calls in the window of the sessions that made many at this replica, by a short name; Others is how many
	// other sessions have called.
	Heavy  map[string]int
	Others int
}

// Grant is the answer to a Draw.
type Grant struct {
	// Lease names the calls that were granted; Count may be less than asked for, and zero.
	Lease string
	Count int
	// Left is how many calls are not given to any replica.
	Left int
	// Next is when some that are given come back; zero when none are.
	Next time.Duration
	// Replicas is how many replicas have drawn lately.
	Replicas int
	// Elsewhere and Others are the Heavy and the Others of the other replicas.
	Elsewhere map[string]int
	Others    int
}

// Allowance gives out the calls of a client id to all its replicas. The methods may be called concurrently.
type Allowance interface {
	// Draw gives out calls, to be made within leaseTime. What was given counts until a window after its last use, and
	// what was not settled until a window after leaseTime.
	Draw(ctx context.Context, d Draw) (Grant, error)
}

// leaseTime is how long a share of the window granted calls may be used.
func leaseTime(window time.Duration) time.Duration { return window / 2 }

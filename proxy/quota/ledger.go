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
	// First tells the holder that was given to Check that its call goes first.
	First bool
}

// Gates keeps the gates of a client id for all its replicas, by their bucket. It measures time by a clock that they share.
// The methods may be called concurrently.
type Gates interface {
	// Check returns the state of a gate. A holder that is not empty asks to make the first call when Left has run: one
	// holder at a time is told First, for probeTime.
	Check(ctx context.Context, bucket Bucket, holder string) (GateState, error)
	// Pass gives up the first call of a holder, which had no answer: another may be made at once, and every replica hears
	// of it.
	Pass(ctx context.Context, bucket Bucket, holder string) error
	// Shut closes a gate for that long, or for longer when it is so already. Zero is for an answer that does not say how
	// long: 1 s, and twice as long each time until the gate was open, up to 30 s. It returns the state afterwards, and
	// every replica hears of it.
	Shut(ctx context.Context, bucket Bucket, left time.Duration, reason Reason) (GateState, error)
	// Open opens a gate, and every replica hears of it.
	Open(ctx context.Context, bucket Bucket) error
}

const (
	// probeTime is how long the others wait for the call that goes first, when the replica that makes it is not heard of.
	probeTime = 5 * time.Second
	// leastShut and mostGuess bound how long a gate is closed by an answer that does not say for how long.
	leastShut = time.Second
	mostGuess = 30 * time.Second
	// mostShut bounds what an answer may ask for.
	mostShut = 24 * time.Hour
)

// Draw tells the allowance what a replica holds of the budget, and asks for more. To hold a number of calls means that the
// replica may make so many in any Window: one that it has made may be made again when it counts no longer.
type Draw struct {
	// Replica is the name of the replica that asks.
	Replica string
	// Serial is larger in each draw of a replica than in those before. One that arrives late changes nothing, and one that
	// arrives twice has the effect of one.
	Serial int64
	// Calls and Window are the budget: so many calls in any time so long.
	Calls  int
	Window time.Duration
	// Leaving says that the replica will make no more calls.
	Leaving bool
	// Spent is how many calls of the replica count now, and Holds how many it goes on holding, at least Spent.
	Spent, Holds int
	// Want is how many more calls it would like to hold.
	Want int
	// Keep is how many calls must be left for others.
	Keep int
	// Idle says that nothing waits for what is wanted.
	Idle bool
	// Replicas is how many there are as far as the replica knows; zero when it does not.
	Replicas int
	// Cautious says that the allowance could not be asked lately. Others may have made calls that it was not told of, so the
	// replica gets no more than an equal part.
	Cautious bool
	// Heavy are the calls in the window of the sessions that made many at this replica, by a short name; Others is how many
	// other sessions have called.
	Heavy  map[string]int
	Others int
}

// Grant is the answer to a Draw.
type Grant struct {
	// Count is how many more calls the replica holds now; it may be less than asked for, and zero.
	Count int
	// Left is how many calls no replica holds.
	Left int
	// Replicas is how many replicas hold calls, or may.
	Replicas int
	// Spent is how many calls of the other replicas count, as they said last.
	Spent int
	// Hungry tells that another replica holds less than an equal part and got less than it wanted.
	Hungry bool
	// Elsewhere and Others are the Heavy and the Others of the other replicas.
	Elsewhere map[string]int
	Others    int
}

// Allowance shares out the calls of a client id to all its replicas, so that they never hold more than the budget together.
// The methods may be called concurrently.
type Allowance interface {
	// Draw takes in what a replica holds, and grants it more. What it holds counts for it until it draws again, or until all
	// of it would count no longer if the replica made its last call at the end of leaseTime.
	Draw(ctx context.Context, d Draw) (Grant, error)
}

const (
	// inFlight is how much longer the calls of a replica that is not heard of count: its last may still be under way.
	inFlight = time.Second
	// gatherTime is how long a replica gets no more than an equal part after the allowance could not be asked, and nothing
	// after the allowance has lost what it knew. All replicas tell it what they hold meanwhile.
	gatherTime = 5 * time.Second
)

// leaseTime is how long a replica may use what it holds without drawing again.
func leaseTime(window time.Duration) time.Duration { return window }

// tellTime is how often the replicas that can give something back are told, at most, that another one needs it.
func tellTime(window time.Duration) time.Duration { return window / 8 }

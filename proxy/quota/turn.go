package quota

import (
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Priority orders the calls that wait for the budget. The higher goes first.
type Priority int

// Priorities.
const (
	// PriorityLow is for calls without a waiting client: renewals, prefetches, polls, and what the client calls unimportant.
	PriorityLow Priority = iota
	// PriorityRead is for GET and HEAD.
	PriorityRead
	// PriorityWrite is for what changes something.
	PriorityWrite
	// PriorityLogin is for the call that identifies the user of a login.
	PriorityLogin
)

// Bucket is a limit of Spotify's that is counted by itself.
type Bucket string

// Buckets.
const (
	// BucketAll is for all calls of the client id.
	BucketAll Bucket = "all"
	// BucketImages is for the upload of playlist images, which has a limit of its own.
	BucketImages Bucket = "images"
)

// Turn is what a call waits for: the gate to be open, and a permit of the budget.
type Turn struct {
	Priority Priority
	// Session names the session that the call counts for, in its share of the budget; empty for none.
	Session string
	// Bucket is the limit that the call counts against: a 429 for it stops the call.
	Bucket Bucket
	// Since orders calls of one priority, the oldest first; zero means now. Patient ones give the time of what is kept.
	Since time.Time
	// Patient says that no request waits for the call, so that it may wait for the budget for several windows.
	Patient bool
	// Asked is how often what a Patient call renews was asked for since it was new; nil for once.
	Asked *atomic.Int64
	// Repeatable says that the call may be made again after a 429 (GET and HEAD).
	Repeatable bool

	left *departure // nil when it is not needed
}

// departure is when a call left.
type departure struct {
	now  func() time.Time
	gone atomic.Bool
	at   time.Time // of the last try; only the goroutine that makes the call reads and writes it
}

// leave records that the call leaves.
func (t Turn) leave() {
	if t.left != nil {
		t.left.at = t.left.now()
		t.left.gone.Store(true)
	}
}

// bucketOf tells which limit a call counts against. PUT playlists/{id}/images has its own
// (https://developer.spotify.com/documentation/web-api/concepts/rate-limits).
func bucketOf(r *http.Request) Bucket {
	if r.Method != http.MethodPut {
		return BucketAll
	}
	segments := strings.Split(r.URL.Path, "/")
	if n := len(segments); n >= 3 && segments[n-1] == "images" && segments[n-3] == "playlists" {
		return BucketImages
	}
	return BucketAll
}

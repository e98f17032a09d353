package quota

import "time"

// rolling counts events in a window that moves on. It rounds up: an event counts up to a 32nd of the window longer. It
// measures durations, so that a wall clock that is set meanwhile changes nothing.
type rolling struct {
	step    time.Duration
	begun   time.Time // the beginning of bucket 0; zero before the first use
	buckets [33]int32
	newest  int64 // the number of the newest bucket
}

func newRolling(window time.Duration) rolling { return rolling{step: max(1, window/32)} }

func (r *rolling) forward(now time.Time) {
	if r.begun.IsZero() {
		r.begun = now
	}
	number := int64(now.Sub(r.begun) / r.step)
	for i := max(r.newest+1, number-int64(len(r.buckets))+1); i <= number; i++ {
		r.buckets[i%int64(len(r.buckets))] = 0
	}
	r.newest = max(r.newest, number)
}

func (r *rolling) add(now time.Time) { r.addMany(now, 1) }

func (r *rolling) addMany(now time.Time, n int) {
	r.forward(now)
	r.buckets[r.newest%int64(len(r.buckets))] += int32(n) //nolint:gosec // G115: no window holds 2^31 calls
}

// next is when the oldest event counts no longer; zero when there is none.
func (r *rolling) next(now time.Time) time.Time {
	r.forward(now)
	for i := max(0, r.newest-int64(len(r.buckets))+1); i <= r.newest; i++ {
		if r.buckets[i%int64(len(r.buckets))] > 0 {
			return r.begun.Add(time.Duration(i+int64(len(r.buckets))) * r.step)
		}
	}
	return time.Time{}
}

func (r *rolling) count(now time.Time) int {
	r.forward(now)
	sum := 0
	for _, n := range r.buckets {
		sum += int(n)
	}
	return sum
}

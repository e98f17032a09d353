package sessiontest

import (
	"testing"
	"time"
)

// pollEvery is how often Eventually looks.
const pollEvery = 5 * time.Millisecond

// Eventually looks until done is true, and fails the test when that takes longer than within. What is a sentence about
// what should have come true. It is for real servers; tests without one have a clock of their own.
func Eventually(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("Within %v it did not come true that %s.", within, what)
		}
	}
}

package session

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestPauseDoubles(t *testing.T) {
	cause := errors.New("cause")
	p, now := newBackoffs(), atSecond(0)
	p.failed("key", cause, 0, now)
	if got, left := p.active("key", now); got != nil || left != 0 {
		t.Errorf("after one failure there is a backoff of %v", left)
	}
	for failure, length := range []time.Duration{
		500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
		15 * time.Second, 15 * time.Second, 15 * time.Second,
	} {
		p.failed("key", cause, 0, now)
		got, left := p.active("key", now)
		if !errors.Is(got, cause) || left < length/2 || left > length*3/2 {
			t.Errorf("failure %d: a backoff of %v with %v, want half to one and a half of %v", failure+2, left, got, length)
		}
		if got, _ := p.active("another", now); got != nil {
			t.Error("another session has the backoff, too")
		}
		now = now.Add(left)
		if got, left := p.active("key", now); got != nil || left != 0 {
			t.Errorf("failure %d: when the backoff is over %v is left", failure+2, left)
		}
	}
}

// Pauses of thousands of failures neither overflow nor grow.
func TestPauseHasALimit(t *testing.T) {
	p, now := newBackoffs(), atSecond(0)
	for range 5000 {
		p.failed("key", errors.New("cause"), 0, now)
	}
	if _, left := p.active("key", now); left <= 0 || left > maxBackoff*3/2 {
		t.Errorf("after 5000 failures the backoff is %v", left)
	}
}

func TestPauseFollowsRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name       string
		retryAfter time.Duration
		want       time.Duration
	}{
		{"from the first failure", 30 * time.Second, 30 * time.Second},
		{"to a limit", 24 * time.Hour, 5 * time.Minute},
		{"not into the past", -time.Hour, 0},
	} {
		p := newBackoffs()
		p.failed("key", errors.New("cause"), c.retryAfter, atSecond(0))
		if _, left := p.active("key", atSecond(0)); left != c.want {
			t.Errorf("%s: a backoff of %v, want %v", c.name, left, c.want)
		}
	}
}

func TestPauseHeals(t *testing.T) {
	p := newBackoffs()
	for range 4 {
		p.failed("key", errors.New("cause"), time.Minute, atSecond(0))
	}
	p.worked("key")
	if cause, _ := p.active("key", atSecond(0)); cause != nil {
		t.Error("a success does not end the backoff")
	}
	p.failed("key", errors.New("cause"), 0, atSecond(0))
	if _, left := p.active("key", atSecond(0)); left != 0 {
		t.Errorf("the first failure after a success backs off for %v", left)
	}
}

func TestPausesAreForgotten(t *testing.T) {
	p := newBackoffs()
	for i := range 3 * maxBackoffs {
		p.failed(fmt.Sprint("key ", i), errors.New("cause"), 0, atSecond(float64(i)))
	}
	if len(p.after) > maxBackoffs {
		t.Errorf("%d failures are remembered, want at most %d", len(p.after), maxBackoffs)
	}
}

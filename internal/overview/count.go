package overview

import (
	"context"
	"sync"
	"time"
)

// countEvery is how long a number that costs something is shown before it is asked for again.
const countEvery = 30 * time.Second

// lazyCount is a count that is fetched only when the page is requested, and not every time.
type lazyCount struct {
	count func(ctx context.Context) (int, error)

	mu    sync.Mutex // guards last, and keeps two from asking at once
	last  counted
	asked time.Time
}

// counted is a number and when it was true; zero means that it is not known.
type counted struct {
	number int
	at     time.Time
}

// about returns the number as it was lately. With rest it does not fetch it.
func (c *lazyCount) about(ctx context.Context, now time.Time, rest bool) counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil || rest || !c.asked.IsZero() && now.Sub(c.asked) < countEvery {
		return c.last
	}
	number, err := c.count(ctx)
	if err != nil { // the next request for the page tries again
		return c.last
	}
	c.asked, c.last = now, counted{number: number, at: now}
	return c.last
}

package overview

import (
	"context"
	"sync"
	"time"
)

// censusEvery is how long a number that costs something is shown before it is asked for again.
const censusEvery = 30 * time.Second

// census is a number that is asked for only when somebody looks, and not every time.
type census struct {
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

// about returns the number as it was lately. With rest it asks nobody.
func (c *census) about(ctx context.Context, now time.Time, rest bool) counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count == nil || rest || !c.asked.IsZero() && now.Sub(c.asked) < censusEvery {
		return c.last
	}
	number, err := c.count(ctx)
	if err != nil { // who is asked again at the next look may answer then
		return c.last
	}
	c.asked, c.last = now, counted{number: number, at: now}
	return c.last
}

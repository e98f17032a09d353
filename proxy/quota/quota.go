package quota

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Quota is the four stages together. It is safe for concurrent use. Close it.
type Quota struct {
	Cache   *Cache
	Limiter *Limiter
}

// Options are what a Quota works with.
type Options struct {
	Config Config
	// Gates and Allowance are shared by the replicas; nil means that this is the only one.
	Gates     Gates
	Allowance Allowance
	// Written tells the other replicas of a write; see Cache.
	Written func(ctx context.Context, owner string)
	// IsQuota is of the Limiter.
	IsQuota func(*http.Response) bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// New makes a Quota. It has not asked the ledger yet.
func New(o Options) *Quota {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Gates == nil || o.Allowance == nil {
		memory := NewMemory(o.Now)
		o.Gates, o.Allowance = memory, memory
	}
	q := &Quota{
		Cache: NewCache(o.Config.forCache(), o.Now),
		Limiter: NewLimiter(LimiterOptions{
			Config: o.Config.forLimiter(), Gates: o.Gates, Allowance: o.Allowance, IsQuota: o.IsQuota, Now: o.Now,
		}),
	}
	q.Cache.Scarce, q.Cache.Written = q.Limiter.Scarce, o.Written
	return q
}

// Configure changes the limits and the bounds.
func (q *Quota) Configure(c Config) {
	q.Cache.Configure(c.forCache())
	q.Limiter.Configure(c.forLimiter())
}

// Close gives back what was not used.
func (q *Quota) Close() { q.Limiter.Close() }

// IsLimited tells whether an error says that a call was not made because calls are limited, and which limit it is.
func IsLimited(err error) (*LimitedError, bool) {
	var limited *LimitedError
	return limited, errors.As(err, &limited)
}

package gateway

import (
	"context"
	"net/http"
	"strings"
	"time"

	"stagedoor/config"
	"stagedoor/internal/httperror"
	"stagedoor/internal/metrics"
	"stagedoor/proxy"
	"stagedoor/proxy/live"
	"stagedoor/proxy/quota"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// newsWrote begins the news that an owner has changed something; the owner's record key follows.
const newsWrote = "wrote "

// newQuota makes the quota, which the replicas share over Redis, if there is one.
func newQuota(c config.Config, redis *redisstore.Store, hub *live.Hub, counts *metrics.Metrics) *quota.Quota {
	o := quota.Options{Config: c.Quota, IsQuota: proxy.IsQuota}
	var tell func(ctx context.Context, owner string)
	if redis != nil {
		ledger := quota.NewRedis(redis, c.Redis.KeyPrefix, c.Spotify.ClientID, redis.News())
		o.Gates, o.Allowance = ledger, ledger
		tell = func(ctx context.Context, owner string) {
			go func() { _ = redis.Tell(ctx, newsWrote+owner) }() // a replica that is not told serves what is fresh
		}
	}
	o.Written = written(hub, tell)
	q := quota.New(o)
	counts.AddQuota(func() metrics.Quota { return readQuota(q) })
	return q
}

// readQuota is what a scrape shows.
func readQuota(q *quota.Quota) metrics.Quota {
	state := q.Limiter.State()
	return metrics.Quota{
		Calls: state.Calls, Allowed: state.Allowed, GateSeconds: state.Gate.Seconds(), CacheBytes: q.Cache.Size(),
	}
}

// quotaWatcher passes on the store's news, and gives the quota what concerns it.
type quotaWatcher struct {
	session.Watcher
	quota *quota.Quota
}

// Gone implements session.Watcher: what is kept for a session goes with it.
func (w quotaWatcher) Gone(key string) {
	w.Watcher.Gone(key)
	w.quota.Cache.Drop(key)
}

// Missed implements session.Watcher: writes on other replicas may have been missed.
func (w quotaWatcher) Missed() {
	w.Watcher.Missed()
	w.quota.Cache.DropAll()
	w.quota.Limiter.Missed()
}

// Lost implements session.Watcher.
func (w quotaWatcher) Lost() {
	w.Watcher.Lost()
	w.quota.Limiter.Lost()
}

// Heard implements session.Listener.
func (w quotaWatcher) Heard(text string) {
	if owner, wrote := strings.CutPrefix(text, newsWrote); wrote {
		w.quota.Cache.Drop(owner)
	}
	if bucket, gate := strings.CutPrefix(text, quota.NewsGate); gate {
		w.quota.Limiter.Heard(quota.Bucket(bucket))
	}
	if text == quota.NewsBudget {
		w.quota.Limiter.Beat()
	}
}

// loginCalls are the calls of the Web API that a login makes: they count, and go first.
type loginCalls struct{ limiter *quota.Limiter }

// Open implements flows.Calls.
func (l loginCalls) Open() error {
	left, reason := l.limiter.GateLeft(quota.BucketAll)
	if left == 0 {
		return nil
	}
	return limitedLogin(&quota.LimitedError{Reason: reason, RetryAfter: left})
}

// Call implements flows.Calls.
func (l loginCalls) Call(ctx context.Context, send func() (*http.Response, error)) (*http.Response, error) {
	res, err := l.limiter.Call(ctx, quota.Turn{Priority: quota.PriorityLogin, Bucket: quota.BucketAll, Repeatable: true}, send)
	if limited, is := quota.IsLimited(err); is {
		return nil, limitedLogin(limited)
	}
	return res, err
}

func limitedLogin(limited *quota.LimitedError) error {
	e := httperror.New(httperror.RateLimited, limited.Text()+", so logins are not possible for a while. Try again later.", nil)
	e.RetryAfter, e.LoginURL = max(limited.RetryAfter, time.Second), "/auth/login"
	return e
}

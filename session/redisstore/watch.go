package redisstore

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"stagedoor/session"
)

// watchPing is how long the watch waits for news before it asks whether its connection lives.
const watchPing = time.Second

// watchBackoff is how long the watch waits before it connects again.
const watchBackoff = 250 * time.Millisecond

// invalidations is the channel on which Redis tells a RESP2 connection what it tracks for it
// (https://redis.io/docs/latest/develop/reference/client-side-caching/).
const invalidations = "__redis__:invalidate"

// watchOptions make a client with connections for which Redis tracks all keys of ours and reports changes on their own channel.
// Each node of a cluster tracks only its own keys, which one connection does not hear of: a cluster reports deletions alone.
func (s *Store) watchOptions(o redis.UniversalOptions) *redis.UniversalOptions {
	o.Protocol = 2 // in RESP3 the news would come beside the subscription
	if o.MasterName != "" || len(o.Addrs) == 1 {
		o.OnConnect = s.track
	}
	return &o
}

// track asks for the news. An older Redis, or one that does not allow it, still tells of deletions; sessions that have
// ended otherwise are then served for freshLifetime at most.
func (s *Store) track(ctx context.Context, connection *redis.Conn) error {
	id, err := connection.ClientID(ctx).Result()
	if err == nil {
		err = connection.Do(ctx, "CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", "PREFIX", s.prefix+"{").Err()
	}
	s.watchState.tracks(err)
	return nil
}

// Watch tells w of every entry that any replica writes or deletes, and, but for a cluster, of what expires, until ctx
// ends. It reconnects by itself.
func (s *Store) Watch(ctx context.Context, w session.Watcher) {
	channels := []string{s.deletions(), s.News(), invalidations}
	subscription := s.watch.Subscribe(ctx, channels...)
	stop := context.AfterFunc(ctx, func() { _ = subscription.Close() }) // ends the wait for news
	defer stop()
	defer w.Lost()
	for waiting := false; ctx.Err() == nil; {
		news, err := subscription.ReceiveTimeout(ctx, watchPing)
		var timeout net.Error
		switch {
		case err == nil:
			waiting = false
			s.notify(w, news)
		case errors.As(err, &timeout) && timeout.Timeout() && !waiting:
			waiting = subscription.Ping(ctx) == nil
		default: // the connection is broken, or a FLUSHALL, which go-redis does not understand
			waiting = false
			w.Lost()
			s.watchEnded(err)
			select {
			case <-ctx.Done():
			case <-time.After(watchBackoff):
			}
			_ = subscription.Subscribe(ctx, channels...) // its answer tells that the news is back
		}
	}
}

// notify passes news on.
func (s *Store) notify(w session.Watcher, news any) {
	switch news := news.(type) {
	case *redis.Subscription:
		if news.Channel == invalidations { // the last of them
			w.Missed()
			s.watchBegun()
		}
	case *redis.Message:
		switch news.Channel {
		case s.deletions():
			w.Gone(news.Payload)
			return
		case s.News():
			if listener, listens := w.(session.Listener); listens {
				listener.Heard(news.Payload)
			}
			return
		}
		for _, name := range news.PayloadSlice {
			if key, ok := s.key(name); ok {
				w.Changed(key)
			}
		}
	}
}

// key is the inverse of name. The name of a lease is not the name of a key.
func (s *Store) key(name string) (string, bool) {
	key, ours := strings.CutPrefix(name, s.prefix+"{")
	key, ends := strings.CutSuffix(key, "}")
	return key, ours && ends
}

// Replicas counts the gateways that watch, this one among them: those that will hear of the next deletion. It is an error
// when none watches, as just after the start.
func (s *Store) Replicas(ctx context.Context) (int, error) {
	var watching atomic.Int64
	count := func(ctx context.Context, client redis.Cmdable) error {
		subscribers, err := client.PubSubNumSub(ctx, s.deletions()).Result()
		watching.Add(subscribers[s.deletions()])
		return err
	}
	err := s.do(ctx, func(ctx context.Context) error { return s.onMasters(ctx, count) })
	if err == nil && watching.Load() == 0 {
		err = errors.New("nobody watches yet")
	}
	return int(watching.Load()), err
}

// News is the channel on which replicas send each other news that is not an entry of the store; see Listener.
func (s *Store) News() string { return s.prefix + "news" }

// Tell tells every replica that watches something, this one among them.
func (s *Store) Tell(ctx context.Context, text string) error {
	return s.do(ctx, func(ctx context.Context) error { return s.client.Publish(ctx, s.News(), text).Err() })
}

// RunScript runs a script of another package as the store's own commands: in the order in which they come, and within the
// timeout. The key begins with the prefix. The script must recognize its own repetition.
func (s *Store) RunScript(ctx context.Context, script *redis.Script, key string, args ...any) (reply any, err error) {
	err = s.do(ctx, func(ctx context.Context) error {
		reply, err = script.Run(ctx, s.client, []string{key}, args...).Result()
		return err
	})
	return reply, err
}

// deletions is the channel on which replicas tell each other what they have deleted.
func (s *Store) deletions() string { return s.prefix + "deleted" }

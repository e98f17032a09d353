package redisstore

import (
	"context"
	"stagedoor/session"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// onMasters does something on each master of a cluster, at the same time, or on the one that there is.
func (s *Store) onMasters(ctx context.Context, do func(context.Context, redis.Cmdable) error) error {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return do(ctx, master) })
	}
	return do(ctx, s.client)
}

// maxSampled is how many steps of a scan are made to count sessions.
const maxSampled = 20

// CountSessions estimates how many sessions there are. It reads the first 20,000 keys or so of each server, which are in
// no order, and extrapolates.
func (s *Store) CountSessions(ctx context.Context) (int, error) {
	var total atomic.Int64
	count := func(ctx context.Context, client redis.Cmdable) error {
		looked, ours, cursor := 0, 0, uint64(0)
		for range maxSampled {
			names, next, err := client.Scan(ctx, cursor, "", scanPage).Result()
			if err != nil {
				return err
			}
			cursor = next
			for _, name := range names {
				if key, found := s.key(name); found && strings.HasPrefix(key, session.SessionKeys) {
					ours++
				}
			}
			if looked += len(names); cursor == 0 {
				total.Add(int64(ours))
				return nil
			}
		}
		size, err := client.DBSize(ctx).Result()
		if err != nil {
			return err
		}
		total.Add(int64(float64(ours) / float64(max(looked, 1)) * float64(size)))
		return nil
	}
	if err := s.onMasters(ctx, count); err != nil {
		return 0, &storeError{err}
	}
	return int(total.Load()), nil
}

// escapeGlob makes a text match itself in a pattern of Redis.
func escapeGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}

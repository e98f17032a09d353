package session

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// scanPage is how many keys Redis looks at in one step of a scan.
const scanPage = 1000

// Users calls visit with the key of every user record, one after the other. It is for operators: it looks at every key
// of the database, in small steps that keep nobody waiting. It answers ErrStoreUnavailable, or what visit answers.
func (s *Redis) Users(ctx context.Context, visit func(key string) error) error {
	var mu sync.Mutex // a cluster's masters are scanned at the same time
	scan := func(ctx context.Context, client redis.Cmdable) error {
		keys := client.Scan(ctx, 0, escapeGlob(s.prefix)+"{"+kindUser+":*}", scanPage).Iterator()
		for keys.Next(ctx) {
			key := strings.TrimSuffix(strings.TrimPrefix(keys.Val(), s.prefix+"{"), "}")
			mu.Lock()
			err := visit(key)
			mu.Unlock()
			if err != nil {
				return err
			}
		}
		if err := keys.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrStoreUnavailable, err)
		}
		return nil
	}
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return scan(ctx, master) })
	}
	return scan(ctx, s.client)
}

// escapeGlob makes a text match itself in a pattern of Redis.
func escapeGlob(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}

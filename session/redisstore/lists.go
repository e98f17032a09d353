package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// A list is a hash of Redis, next to the values of entries and named as they are.

// putScript writes over a full memory: replaceScript lets the sessions in a list live on there, and a list that ends before them
// would hide them from a logout everywhere.
var putScript = newFullScript(`
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
`)

// Put implements session.Lists.
func (s *Store) Put(ctx context.Context, key string, fields map[string][]byte, ttl time.Duration) error {
	arguments := []any{milliseconds(ttl)}
	for field, value := range fields {
		arguments = append(arguments, field, value)
	}
	return s.do(ctx, func(ctx context.Context) error {
		return putScript.run(ctx, s.client, &s.noFlags, []string{s.name(key)}, arguments...).Err()
	})
}

// Fields implements session.Lists.
func (s *Store) Fields(ctx context.Context, keys []string) ([]map[string][]byte, error) {
	lists := make([]map[string][]byte, 0, len(keys))
	err := s.inBatches(ctx, keys, func(pipe redis.Pipeliner, key string) func() error {
		reply := pipe.HGetAll(ctx, s.name(key))
		return func() error {
			fields := map[string][]byte{}
			for field, value := range reply.Val() {
				fields[field] = []byte(value)
			}
			lists = append(lists, fields)
			return reply.Err()
		}
	})
	return lists, err
}

// Drop implements session.Lists.
func (s *Store) Drop(ctx context.Context, key string, fields []string) error {
	if len(fields) == 0 {
		return nil
	}
	return s.do(ctx, func(ctx context.Context) error { return s.client.HDel(ctx, s.name(key), fields...).Err() })
}

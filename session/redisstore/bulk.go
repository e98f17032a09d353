package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"stagedoor/session"
)

const (
	// scanPage is how many keys Redis reads in one step of a scan.
	scanPage = 1000
	// bulkBatch is how many commands are sent before their answers are read.
	bulkBatch = 200
	// clusterSlots is how many slots the keys of a cluster are spread over.
	clusterSlots = 16384
)

// Scan implements session.Bulk. It reads every key of the database, in small steps that do not delay other commands.
func (s *Store) Scan(ctx context.Context, begin string, visit func(keys []string) error) error {
	if err := s.wholeCluster(ctx); err != nil {
		return err
	}
	pattern := escapeGlob(s.prefix+"{"+begin) + "*}"
	var visiting sync.Mutex // a cluster's masters are scanned at the same time
	return s.onMasters(ctx, func(ctx context.Context, client redis.Cmdable) error {
		for cursor := uint64(0); ; {
			names, next, err := client.Scan(ctx, cursor, pattern, scanPage).Result()
			if err != nil {
				return &storeError{err}
			}
			var keys []string
			for _, name := range names {
				if key, ours := s.key(name); ours {
					keys = append(keys, key)
				}
			}
			if err := visitOne(&visiting, keys, visit); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				return nil
			}
		}
	})
}

func visitOne(visiting *sync.Mutex, keys []string, visit func(keys []string) error) error {
	if len(keys) == 0 {
		return nil
	}
	visiting.Lock()
	defer visiting.Unlock()
	return visit(keys)
}

// wholeCluster is an error when a cluster has slots that no master serves: their keys could not be visited, and no node
// would say so.
func (s *Store) wholeCluster(ctx context.Context) error {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return nil
	}
	return s.do(ctx, func(ctx context.Context) error {
		ranges, err := cluster.ClusterSlots(ctx).Result() //nolint:staticcheck // SA1019: CLUSTER SHARDS needs Redis 7; this works with 6
		if err != nil {
			return err
		}
		served := 0
		for _, r := range ranges {
			served += r.End - r.Start + 1
		}
		if served != clusterSlots {
			return fmt.Errorf("the cluster serves %d of %d slots", served, clusterSlots)
		}
		return nil
	})
}

// LoadMany implements session.Bulk.
func (s *Store) LoadMany(ctx context.Context, keys []string) ([]session.Entry, error) {
	entries := make([]session.Entry, 0, len(keys))
	err := s.inBatches(ctx, keys, func(pipe redis.Pipeliner, key string) func() error {
		reply := pipe.Get(ctx, s.name(key))
		return func() error {
			value, err := reply.Bytes()
			if errors.Is(err, redis.Nil) {
				err = nil
			}
			e, _ := readEntry(value)
			entries = append(entries, e)
			return err
		}
	})
	return entries, err
}

// DeleteMany implements session.Bulk.
func (s *Store) DeleteMany(ctx context.Context, keys []string) ([]bool, error) {
	deleted := make([]bool, 0, len(keys))
	err := s.inBatches(ctx, keys, func(pipe redis.Pipeliner, key string) func() error {
		// EVAL, because EVALSHA could miss the script in the middle of a batch.
		reply := deleteScript.Eval(ctx, pipe, []string{s.name(key)}, s.deletions(), key)
		return func() error {
			one, err := reply.Bool()
			deleted = append(deleted, one)
			return err
		}
	})
	return deleted, err
}

// inBatches sends a command for every key, and reads the answers of a batch after all of it was sent. The first error ends
// it.
func (s *Store) inBatches(ctx context.Context, keys []string, send func(pipe redis.Pipeliner, key string) (read func() error)) error {
	for batch := range slices.Chunk(keys, bulkBatch) {
		err := s.do(ctx, func(ctx context.Context) error {
			pipe := s.client.Pipeline()
			var reads []func() error
			for _, key := range batch {
				reads = append(reads, send(pipe, key))
			}
			_, executed := pipe.Exec(ctx)
			for _, read := range reads {
				if err := read(); err != nil {
					return err
				}
			}
			if executed != nil && !errors.Is(executed, redis.Nil) {
				return executed
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

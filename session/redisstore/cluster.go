package redisstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// clusterReload is how old the client's picture of a cluster may be. By default it is a minute: after the election of another
// master, commands for the dead one's keys would go on failing for as long.
const clusterReload = 500 * time.Millisecond

// newClient is redis.NewUniversalClient, but for what only a cluster's options have.
func newClient(o *redis.UniversalOptions) redis.UniversalClient {
	if o.MasterName != "" || len(o.Addrs) == 1 {
		return redis.NewUniversalClient(o)
	}
	cluster := o.Cluster()
	cluster.ClusterStateReloadInterval = clusterReload
	return redis.NewClusterClient(cluster)
}

// moveWait is how long a command waits before it is sent again whose keys move to another node of a cluster.
const moveWait = 20 * time.Millisecond

// untilMoved runs a command, again and again while a cluster says that its keys are being moved (TRYAGAIN), as it does of a script with two
// keys until the move of their slot ends. go-redis itself gives up after a tenth of a second.
func untilMoved(ctx context.Context, command func(context.Context) error) error {
	for {
		err := command(ctx)
		if !redis.HasErrorPrefix(err, "TRYAGAIN") {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(moveWait):
		}
	}
}

// mastersAnswer tells which part of a cluster's keys cannot be reached. Any other store has one master, which the probe asks.
func (s *Store) mastersAnswer(ctx context.Context) error {
	cluster, is := s.client.(*redis.ClusterClient)
	if !is {
		return nil
	}
	var masters, silent atomic.Int32
	err := s.do(ctx, func(ctx context.Context) error {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			masters.Add(1)
			if node.Ping(ctx).Err() != nil {
				silent.Add(1)
			}
			return nil
		})
	})
	if err != nil || silent.Load() == 0 {
		return nil // what the probe says is better
	}
	return fmt.Errorf("the session store is not ready: %d of %d masters of the cluster do not answer, so about %d %% of the sessions cannot be reached; look at CLUSTER NODES",
		silent.Load(), masters.Load(), 100*silent.Load()/masters.Load())
}

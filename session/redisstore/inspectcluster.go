package redisstore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// clusterView is what the masters of a cluster tell about it.
type clusterView struct {
	masters []string            // their addresses
	silent  map[string]string   // why a master does not answer, by its address
	slots   []redis.ClusterSlot // as the one knows them that knows fewest; empty when none answers
}

// viewCluster asks every master whether it answers, and one that does for the slots. It is an error when not even the masters
// are known.
func (s *Store) viewCluster(ctx context.Context, cluster *redis.ClusterClient) (clusterView, error) {
	view := clusterView{silent: map[string]string{}}
	var mu sync.Mutex // guards view; masters are visited at the same time
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		var slots []redis.ClusterSlot
		err := s.do(ctx, func(ctx context.Context) (err error) {
			slots, err = master.ClusterSlots(ctx).Result() //nolint:staticcheck // SA1019: CLUSTER SHARDS needs Redis 7; this works with 6
			return err
		})
		mu.Lock()
		defer mu.Unlock()
		address := master.Options().Addr
		view.masters = append(view.masters, address)
		switch {
		case err != nil:
			view.silent[address] = Reason(err)
		case len(view.slots) == 0 || served(slots) < served(view.slots):
			view.slots = slots
		}
		return nil
	})
	slices.Sort(view.masters)
	return view, err
}

// served is how many slots have a master.
func served(slots []redis.ClusterSlot) (count int) {
	for _, r := range slots {
		count += r.End - r.Start + 1
	}
	return count
}

// inspectCluster tells whether a cluster has all its masters and slots. It tells nothing when no master answers: then the reason is
// the same for all, and Ping has it.
func (s *Store) inspectCluster(ctx context.Context, cluster *redis.ClusterClient) []Finding {
	view, err := s.viewCluster(ctx, cluster)
	if err != nil || len(view.slots) == 0 {
		return nil
	}
	slots, alone := map[string]int{}, []string{}
	for _, r := range view.slots {
		if len(r.Nodes) == 0 {
			continue
		}
		address := r.Nodes[0].Addr
		slots[address] += r.End - r.Start + 1
		if len(r.Nodes) == 1 && !slices.Contains(alone, address) {
			alone = append(alone, address)
		}
	}
	var findings []Finding
	for _, address := range view.masters {
		if why, is := view.silent[address]; is {
			findings = append(findings, Finding{Problem, fmt.Sprintf("The master %s of the Redis cluster does not answer (%s), so about %d %% of the sessions "+
				"cannot be reached; look whether it runs and at the way there, and give it a replica, which takes over when it dies.",
				address, why, 100*slots[address]/clusterSlots)})
		}
	}
	if count := served(view.slots); count != clusterSlots {
		findings = append(findings, Finding{Problem, fmt.Sprintf("The Redis cluster serves %d of %d slots, and without the others it keeps no sessions or "+
			"only a part of them; look at CLUSTER INFO, start the master that had them, or give them to another with redis-cli --cluster fix.", count, clusterSlots)})
	}
	if len(findings) > 0 {
		return findings
	}
	all := fmt.Sprintf("The Redis cluster has %d masters, which serve all slots", len(view.masters))
	if len(alone) == 0 {
		return []Finding{{Fine, all + ", and each has a replica."}}
	}
	slices.Sort(alone)
	return []Finding{{Fine, all + "."}, {Warning, "Of the Redis cluster's masters " + strings.Join(alone, ", ") + " have no replica that follows them: " +
		"when one dies, its part of the sessions cannot be reached until it is back; add replicas with redis-cli --cluster add-node --cluster-slave."}}
}

// hasProblem reports whether a finding is a problem.
func hasProblem(findings []Finding) bool {
	return slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Problem })
}

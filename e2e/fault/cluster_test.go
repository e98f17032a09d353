package fault

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// afterElection is how long the keys of a master may stay out of reach after another has taken over.
const afterElection = 2 * time.Second

// clusterWorld starts replicas of the gateway over a cluster of three masters, of which the second has a replica if there shall be an
// election. There is a user more than the crowd, who logs in again and again.
func clusterWorld(r *trial, sessions int, elects bool) (w *stage.World, masters []*sessiontest.RedisServer, replica *sessiontest.RedisServer) {
	r.Helper()
	if !r.full {
		stage.OnlyLong(r, "an election takes seconds")
	}
	w = stage.NewWorld(r, stage.Options{Replicas: 3, Users: sessions + 1, Prepare: func(w *stage.World) {
		masters = sessiontest.StartRedisCluster(r, 3)
		nodes := masters
		if elects {
			replica = sessiontest.AddReplica(r, masters, masters[1])
			nodes = append(nodes, replica)
		}
		var addresses []string
		for _, node := range nodes {
			addresses = append(addresses, fmt.Sprintf("%q", node.Addr()))
		}
		w.Store = "addresses: [" + strings.Join(addresses, ", ") + "]"
		if !stage.ExactTimes {
			w.Store += "\ntimeout: 2s"
		}
	}})
	return w, masters, replica
}

// pressure is requests of a crowd, and logins of one user more in new browsers, until it ends.
type pressure struct {
	requests, logins *stage.History
	end              func()

	mu     sync.Mutex // guards failed
	failed []time.Time
}

// press begins with so many requests and logins at once.
func press(w *stage.World, crowd []stage.Fan, requests, logins int) *pressure {
	w.T.Helper()
	newcomer := stage.Fans(len(crowd) + 1)[len(crowd)].ID
	if err := w.Spotify.SetConsent(simulator.Consent{User: newcomer}); err != nil {
		w.T.Fatal(err)
	}
	p := &pressure{requests: stage.NewHistory(), logins: stage.NewHistory()}
	stop := make(chan struct{})
	var group sync.WaitGroup
	again := func(ask func() (kind string)) {
		group.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if kind := ask(); kind != stage.OK {
						p.failure()
					}
				}
			}
		})
	}
	for i := range requests {
		again(func() string { return p.requests.Me(crowd[i%len(crowd)]) })
	}
	for range logins {
		v := w.Visitor()
		again(func() string {
			v.Client.Jar, _ = cookiejar.New(nil) // never fails
			return p.logins.Ask(stage.Fan{Visitor: v, User: newcomer}, http.MethodGet, "/auth/login", "")
		})
	}
	p.end = sync.OnceFunc(func() {
		close(stop)
		group.Wait()
	})
	w.T.Cleanup(p.end)
	return p
}

func (p *pressure) failure() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = append(p.failed, time.Now())
}

// quiet returns for how long no answer has failed, since a time at most.
func (p *pressure) quiet(since time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) > 0 && p.failed[len(p.failed)-1].After(since) {
		since = p.failed[len(p.failed)-1]
	}
	return time.Since(since)
}

// failures says when requests and logins failed, from a time on.
func (p *pressure) failures(from time.Time) (text string, last time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.failed) == 0 {
		return "none failed", from
	}
	last = p.failed[len(p.failed)-1]
	return fmt.Sprintf("some failed from %s to %s", seconds(p.failed[0].Sub(from)), seconds(last.Sub(from))), last
}

// isMaster reports whether a node is one.
func isMaster(node *sessiontest.RedisServer) bool {
	role, _ := node.Do("INFO", "replication")
	text, _ := role.(string)
	return strings.Contains(text, "role:master")
}

// clusterMasterEnds breaks a master of a cluster, and looks at what the election of its replica leaves.
func clusterMasterEnds(r *trial, what string, end, goesOn func(master *sessiontest.RedisServer)) {
	sessions := size(r, 6, 40)
	w, masters, replica := clusterWorld(r, sessions, true)
	crowd := w.Crowd(sessions)
	r.loaded("3 replicas over a cluster of 3 masters (cluster-node-timeout 1 s), %d requests at once of %d sessions and %d logins; a master with a replica %s",
		2*sessions, sessions, size(r, 2, 4), what)
	seeEverywhere(w, crowd)
	p := press(w, crowd, 2*sessions, size(r, 2, 4))
	sessiontest.Eventually(r, 20*time.Second, "people log in", func() bool { return p.logins.Count(stage.OK) > 0 })
	broken := time.Now()
	end(masters[1])
	sessiontest.Eventually(r, time.Minute, "the replica is elected", func() bool { return isMaster(replica) })
	elected := time.Now()
	sessiontest.Eventually(r, time.Minute, "nothing fails any more", func() bool { return p.quiet(elected) > 3*time.Second })
	goesOn(masters[1])
	p.end()
	text, last := p.failures(broken)
	r.expect("200 or 503, never 401", p.requests.Count(stage.OK, stage.StoreAway) == p.requests.Count(), "%v", p.requests)
	r.expect("all succeeds 2 s after the election", last.Sub(elected) < r.within(afterElection), "the last failed %v after it", last.Sub(elected))
	goOnEventually(r, 20*time.Second, crowd)
	r.expect("no session is lost", true, "")
	r.measure("elected after %s; %s; requests %v; logins %v", seconds(elected.Sub(broken)), text, p.requests, p.logins)
	lawful(p.requests, r)
}

// clusterMasterKilled kills a master.
func clusterMasterKilled(r *trial) {
	clusterMasterEnds(r, "is killed", (*sessiontest.RedisServer).Kill, func(*sessiontest.RedisServer) {})
}

// clusterMasterHangs lets a master hang until its replica has taken over, and then go on: it learns that it is none any more.
func clusterMasterHangs(r *trial) {
	clusterMasterEnds(r, "hangs (SIGSTOP), and goes on later", (*sessiontest.RedisServer).Pause, func(master *sessiontest.RedisServer) {
		master.Resume()
		sessiontest.Eventually(r, time.Minute, "the old master follows the new one", func() bool { return !isMaster(master) })
	})
}

// clusterReshards moves slots from one master of a cluster to another, the keys in them too.
func clusterReshards(r *trial) {
	sessions := size(r, 6, 40)
	w, masters, _ := clusterWorld(r, sessions, false)
	crowd := w.Crowd(sessions)
	r.loaded("3 replicas over a cluster of 3 masters, %d requests at once of %d sessions and %d logins; slots with keys move to another master",
		2*sessions, sessions, size(r, 2, 4))
	seeEverywhere(w, crowd)
	p := press(w, crowd, 2*sessions, size(r, 2, 4))
	sessiontest.Eventually(r, 20*time.Second, "people log in", func() bool { return p.logins.Count(stage.OK) > 0 })
	begin := time.Now()
	slots, keys := sessiontest.MoveSlots(r, masters, masters[0], masters[2], size(r, 10, 60))
	took := time.Since(begin)
	p.end()
	text, _ := p.failures(begin)
	allowed := size(r, []string{stage.OK, stage.StoreAway}, []string{stage.OK}) // on a busy machine a slot may move for longer than redis.timeout
	r.expect("nothing fails", p.requests.Count(allowed...) == p.requests.Count() && p.logins.Count(allowed...) == p.logins.Count(),
		"%v; %v", p.requests, p.logins)
	goOnEventually(r, 20*time.Second, crowd)
	r.measure("%d slots with %d keys in %s; %s; requests %v; logins %v", slots, keys, seconds(took), text, p.requests, p.logins)
	lawful(p.requests, r)
}

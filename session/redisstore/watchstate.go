package redisstore

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/go-redis/v9"
)

// watchState is whether Redis reports changes, and if it rejects the request to, why.
type watchState struct {
	mu        sync.Mutex // guards what follows
	on        bool
	untracked error  // why Redis tells of deletions alone
	problem   string // for the operator; empty when there is none, or during an outage of Redis
}

// tracks records the outcome of the request to track keys.
func (w *watchState) tracks(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.untracked = err
}

func (w *watchState) tracking() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.untracked
}

// change takes a new state on, and reports whether the operator should hear of it.
func (w *watchState) change(on bool, problem string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed := problem != w.problem
	w.on, w.problem = on, problem
	return changed
}

func (w *watchState) current() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.problem
}

// Watching reports whether Redis tells this replica of changes now. Else every request asks Redis.
func (s *Store) Watching() bool {
	s.watchState.mu.Lock()
	defer s.watchState.mu.Unlock()
	return s.watchState.on
}

// WatchProblem says why Redis does not report changes to this replica, and what to do; empty when there is no problem. The log has
// the same text.
func (s *Store) WatchProblem() string { return s.inItsName(s.watchState.current()) }

// watchBegun records that Redis reports changes, all of them or deletions alone.
func (s *Store) watchBegun() {
	s.watchIs(true, s.watchProblem(nil, s.watchState.tracking()))
}

// watchEnded records that it does not. An outage does not end a problem that was there before.
func (s *Store) watchEnded(err error) {
	problem := s.watchProblem(err, nil)
	if problem == "" {
		problem = s.watchState.current()
	}
	s.watchIs(false, problem)
}

// watchIs writes one line when an operator has to do something, and one when it is done.
func (s *Store) watchIs(on bool, problem string) {
	switch changed := s.watchState.change(on, problem); {
	case changed && problem != "":
		s.log.Warn(s.inItsName(problem))
	case changed && on:
		s.log.Info(s.inItsName("Redis tells of changes again"))
	}
}

// watchProblem says what is wrong when Redis rejects the request to report changes, or of all but deletions; empty when it does not.
func (s *Store) watchProblem(ended, untracked error) string {
	var rejection redis.Error
	switch {
	case errors.As(ended, &rejection) && (forbidden(ended) || Reason(ended) == "Redis says ERR"):
		return "Redis does not tell the gateway of changes (" + Reason(ended) + "), so that every request asks it; " + s.rights
	case errors.As(untracked, &rejection) && forbidden(untracked):
		return "Redis tells the gateway of logouts alone (" + Reason(untracked) + "), so that other changes show after 2s; " + s.rights
	}
	return ""
}

// inspectWatch asks for the news as Watch does, and waits until Redis agrees.
func (s *Store) inspectWatch(ctx context.Context) Finding {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	channels := []string{s.deletions(), invalidations}
	subscription := s.watch.Subscribe(bounded, channels...)
	defer subscription.Close() // its answer has come
	for range channels {
		if _, err := subscription.ReceiveTimeout(bounded, s.timeout); err != nil {
			if problem := s.watchProblem(err, nil); problem != "" {
				return Finding{Warning, problem + "."}
			}
			return Finding{Warning, "Redis does not tell the gateway of changes, so that every request asks it: " + s.explain(err)}
		}
	}
	if problem := s.watchProblem(nil, s.watchState.tracking()); problem != "" {
		return Finding{Warning, problem + "."}
	}
	return Finding{Fine, "Redis tells the gateway of changes."}
}

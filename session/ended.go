package session

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"stagedoor/internal/outcome"
)

// endSlack is by how much the clocks of replicas and the store may differ when it is said why a session has ended.
const endSlack = time.Minute

// maxRecent is how many ends of sessions a user's index keeps.
const maxRecent = 8

// ends knows why sessions have ended. An end that a replica makes is written before the record is deleted, so that a request that
// comes a moment later is told. The others (a timeout, a lost record, a removed key) are noticed by the first request with the
// cookie, or when the user's sessions are looked at. Each end is counted once. It is safe for concurrent use.
type ends struct {
	traces  traces
	index   func(user string) recordKey // the key of a user's index, which has the recent ends of its sessions
	metrics Metrics
	audit   audit
	log     *zap.Logger
	asked   singleflight.Group // by handle
}

// ending is an end that a replica or an operator makes.
type ending struct {
	reason outcome.End
	event  string // of the audit lines
	user   string // the id of the sessions' user; empty when it is not known
}

// lives writes until when a session lives unless it is used.
func (e *ends) lives(ctx context.Context, s *Session) {
	if err := e.traces.lives(ctx, s); err != nil {
		e.log.Debug("the trace of a session was not written", zap.String("session", s.Label()), zap.Error(err))
	}
}

// begin writes why sessions are about to end. What an operator ends is counted by the gateway that meets its cookie, because
// nothing scrapes the operator's command.
func (e *ends) begin(ctx context.Context, why ending, keys []string) {
	now := e.traces.now()
	for _, key := range keys {
		err := e.traces.write(ctx, handleOf(key), trace{
			ended: true, end: why.reason, counted: why.reason != outcome.EndOperator, at: now,
		})
		if err != nil {
			e.log.Debug("the reason of a session's end was not written", zap.String("session", label(key)), zap.Error(err))
			return // the store is down, so that the others would not be written either
		}
	}
}

// done reports sessions that have ended: their audit lines and their count, and the list of their user's recent ends.
func (e *ends) done(ctx context.Context, why ending, keys []string) {
	for _, key := range keys {
		e.audit.key(why.event, "ok", why.user, key, zap.Stringer("reason", why.reason))
		if why.reason != outcome.EndOperator {
			e.metrics.SessionEnded(why.reason)
		}
	}
	e.remember(ctx, why.user, why.reason, e.traces.now(), keys)
}

// grantEnded reports that Spotify ended the grant of a session.
func (e *ends) grantEnded(ctx context.Context, s *Session) {
	ctx, cancel := step(ctx)
	defer cancel()
	why := ending{reason: outcome.EndInvalidGrant, user: s.record.user.ID}
	e.begin(ctx, why, []string{s.key})
	e.metrics.SessionEnded(why.reason)
	e.remember(ctx, why.user, why.reason, e.traces.now(), []string{s.key})
}

// remember adds ends to a user's index.
func (e *ends) remember(ctx context.Context, user string, reason outcome.End, at time.Time, keys []string) {
	if user == "" || len(keys) == 0 {
		return
	}
	fields := map[string][]byte{}
	for _, key := range keys {
		_, field := traceOf(handleOf(key))
		fields[field] = trace{ended: true, end: reason, counted: true, at: at, written: at}.encode()
	}
	if err := e.traces.lists.Put(ctx, e.index(user).key, fields, traceLifetime); err != nil {
		e.log.Debug("the end of a session is not in its user's index", zap.Error(err))
	}
}

// recentEnd is the end of a session as its user's index has it.
type recentEnd struct {
	handle string
	trace
}

// readRecent returns the ends in a user's index, the last one first.
func readRecent(fields map[string][]byte) []recentEnd {
	var recent []recentEnd
	for field, value := range fields {
		if found, known := readTrace(value); known && len(field) == handleSize/2 {
			recent = append(recent, recentEnd{handle: hex.EncodeToString([]byte(field)), trace: found})
		}
	}
	slices.SortFunc(recent, func(a, b recentEnd) int { return cmp.Or(b.at.Compare(a.at), strings.Compare(a.handle, b.handle)) })
	return recent
}

// forget takes those of the ends in a user's index out that are too old, or more than maxRecent.
func (e *ends) forget(ctx context.Context, k recordKey, recent []recentEnd) {
	var old []string
	for i, r := range recent {
		if i >= maxRecent || e.traces.now().Sub(r.at) > traceLifetime {
			_, field := traceOf(r.handle)
			old = append(old, field)
		}
	}
	if len(old) == 0 {
		return
	}
	if err := e.traces.lists.Drop(ctx, k.key, old); err != nil {
		e.log.Debug("old ends are still in a user's index", zap.Error(err))
	}
}

// of finds out why the session of a record key has ended, and returns that as an EndedError. Cause is what its load said. What the
// load saw in the record itself counts unless the trace says that somebody ended the session; a load that only found the record
// gone knows less than the trace. Without a trace it returns the cause: the cookie was made up, or its session ended long ago. An
// end that is not counted yet is.
func (e *ends) of(ctx context.Context, user, key string, cause error) error {
	reason, err, _ := e.asked.Do(key, func() (any, error) {
		reason, known := e.find(context.WithoutCancel(ctx), user, key, cause)
		if !known {
			return nil, cause
		}
		return reason, nil
	})
	if err != nil {
		return err
	}
	return &EndedError{Reason: reason.(outcome.End)}
}

func (e *ends) find(ctx context.Context, user, key string, cause error) (reason outcome.End, known bool) {
	var told *EndedError
	isTold := errors.As(cause, &told)
	found, exists, err := e.traces.find(ctx, handleOf(key))
	at := e.traces.now()
	switch {
	case err != nil, !exists && !isTold:
		return 0, false
	case exists && (found.ended || !isTold || told.Reason == outcome.EndStoreLost):
		reason, at = e.byTrace(ctx, found)
	case exists:
		reason, at = told.Reason, earlier(found.at, at)
	default:
		reason = told.Reason
	}
	if exists && found.counted {
		return reason, true
	}
	e.metrics.SessionEnded(reason)
	if !found.ended { // else the one that ended it has written the line
		e.audit.key("ended", "observed", user, key, zap.Stringer("reason", reason))
		e.remember(ctx, user, reason, at, []string{key})
	}
	if err := e.traces.write(ctx, handleOf(key), trace{ended: true, end: reason, counted: true, at: at}); err != nil {
		e.log.Debug("the reason of a session's end was not written", zap.String("session", label(key)), zap.Error(err))
	}
	return reason, true
}

// byTrace says why a session is gone, and when it ended, by its trace.
func (e *ends) byTrace(ctx context.Context, t trace) (reason outcome.End, at time.Time) {
	now := e.traces.now()
	switch {
	case t.ended:
		return t.end, t.at
	case !now.Before(t.at.Add(-endSlack)):
		reason = t.end
	case e.traces.allEnded(ctx).After(t.written.Add(-time.Second)):
		reason = outcome.EndOperator
	default:
		reason = outcome.EndStoreLost
	}
	return reason, earlier(t.at, now)
}

// endedBy returns why a session is not in the store any more, as far as its last record says: EndStoreLost says that it does not.
func (s *Session) endedBy(now time.Time) outcome.End {
	switch {
	case !now.Before(s.deadline()):
		return outcome.EndAbsolute
	case !now.Before(s.idleUntil().Add(-endSlack)):
		return outcome.EndIdle
	default:
		return outcome.EndStoreLost
	}
}

package session

import (
	"context"
	"errors"
	"strings"
	"time"

	"stagedoor/internal/outcome"
)

// Explanation is what the store has about one session that lives, or has ended within the last week. It has no secret.
type Explanation struct {
	// Summary is of a session that has ended as far as it is known: its handle, and its user when an index names it.
	Summary
	// Alive says that the session's record is in the store.
	Alive bool
	// IdleAt is when a session that lives ends unless it is used before, and Deadline when it ends however much it is used. Both are
	// zero for one that has ended.
	IdleAt, Deadline time.Time
	// EndedAt is when the session ended, or when Spotify ended the grant of one that lives; zero for neither.
	EndedAt time.Time
	// Reason is why, and has no meaning while EndedAt is zero.
	Reason outcome.End
}

// ExplainUser returns what is known about the sessions of a user: those that live, the one used last first, then those that have
// ended, the last one first. It changes nothing. It answers ErrStoreUnavailable.
func (o *Operator) ExplainUser(ctx context.Context, user string) ([]Explanation, error) {
	index, err := o.m.index.of(ctx, user)
	if err != nil {
		return nil, err
	}
	alive, err := o.m.index.alive(ctx, keysOf(index.entries))
	if err != nil {
		return nil, err
	}
	var living, ended []Explanation
	seen := map[string]bool{}
	for _, e := range index.entries {
		found, err := o.explain(ctx, e, alive[e.key])
		if err != nil {
			return nil, err
		}
		found.User, seen[found.Handle] = index.user, true
		if found.Alive {
			living = append(living, found)
		} else {
			ended = append(ended, found)
		}
	}
	for _, r := range index.ends {
		if !seen[r.handle] {
			ended = append(ended, Explanation{Summary: Summary{Handle: r.handle, User: index.user}, EndedAt: r.at, Reason: r.end})
		}
	}
	return append(living, ended...), nil
}

// explain explains a session that is in its user's index.
func (o *Operator) explain(ctx context.Context, e indexEntry, alive bool) (Explanation, error) {
	x := Explanation{
		Summary: Summary{Handle: handleOf(e.key), CreatedAt: e.createdAt.time(), LastSeenAt: e.lastSeenAt.time(), UserAgent: e.userAgent},
		Alive:   alive,
	}
	found, exists, err := o.m.ends.traces.find(ctx, x.Handle)
	if err != nil {
		return x, err
	}
	limits := o.m.vault.limits()
	idleAt, deadline := x.LastSeenAt.Add(limits.idle), x.CreatedAt.Add(limits.lifetime)
	switch {
	case exists && (found.ended || !alive): // of one that lives, Spotify has ended the grant
		x.Reason, x.EndedAt = o.m.ends.byTrace(ctx, found)
	case !alive:
		x.Reason = o.m.index.endedBy(e)
		x.EndedAt = earlier(earlier(idleAt, deadline), o.m.options.Now())
	}
	if alive {
		x.IdleAt, x.Deadline = idleAt, deadline
	}
	return x, nil
}

// errFound ends a scan.
var errFound = errors.New("found")

// ExplainHandle returns what is known about the session with a handle; found is false when nothing is. When no name leads to its user,
// it reads the indexes of all users. It answers ErrStoreUnavailable.
func (o *Operator) ExplainHandle(ctx context.Context, handle string) (x Explanation, found bool, err error) {
	if !isHandle(handle) {
		return Explanation{}, false, nil
	}
	user, err := o.ownerOf(ctx, handle)
	if err != nil {
		return Explanation{}, false, err
	}
	if user != "" {
		all, err := o.ExplainUser(ctx, user)
		if err != nil {
			return Explanation{}, false, err
		}
		for _, x := range all {
			if x.Handle == handle {
				return x, true, nil
			}
		}
	}
	last, exists, err := o.m.ends.traces.find(ctx, handle)
	if err != nil || !exists {
		return Explanation{}, false, err
	}
	x.Handle = handle
	x.Reason, x.EndedAt = o.m.ends.byTrace(ctx, last)
	return x, true, nil
}

// ownerOf returns the id of the user in whose index a session is, or its end; empty when there is none that opens.
func (o *Operator) ownerOf(ctx context.Context, handle string) (user string, err error) {
	indexes, err := o.m.index.named(ctx, handle)
	for _, index := range indexes {
		if index.has(handle) {
			return index.user.ID, err
		}
	}
	if err != nil {
		return "", err
	}
	_, end := traceOf(handle)
	err = o.m.options.Bulk.Scan(ctx, kindIndex+":", func(keys []string) error {
		lists, err := o.m.options.Lists.Fields(ctx, keys)
		if err != nil {
			return err
		}
		for i, fields := range lists {
			for field := range fields {
				if isPiece := len(field) < len(end); isPiece || !strings.HasPrefix(field, end) {
					continue
				}
				if user = o.m.index.readUser(keyFor(kindIndex, keys[i]), fields).ID; user != "" {
					return errFound
				}
			}
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return user, err
}

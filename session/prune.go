package session

import (
	"context"
	"slices"

	"stagedoor/internal/outcome"
)

// trim ends the sessions that a user has beyond the limit, those used longest ago first. It takes out what has timed
// out: what may have, or everything when the limit is reached.
func (x *userIndex) trim(ctx context.Context, s *Session) error {
	k := x.keyOf(s.record.user.ID)
	index, err := x.load(ctx, k)
	if err != nil {
		return err
	}
	x.ends.forget(ctx, k, index.ends)
	entries := index.entries
	if !slices.ContainsFunc(entries, func(e indexEntry) bool { return e.key == s.key }) { // another replica has pruned it
		if err := x.add(ctx, s); err != nil {
			return err
		}
	}
	limit := x.vault.settings.Load().Config.MaxPerUser
	suspects := x.timedOut(entries)
	if len(entries) > limit {
		suspects = entries
	}
	alive, err := x.prune(ctx, s.record.user.ID, suspects)
	if err != nil || len(entries) <= limit {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e indexEntry) bool { return !alive[e.key] && x.settled(e) })
	if len(entries) <= limit {
		return nil
	}
	_, err = x.endMany(ctx, ending{reason: outcome.EndTooMany, event: "revoke", user: s.record.user.ID}, keysOf(entries[limit:]))
	return err
}

// timedOut returns some of the sessions past their idle timeout, by the clock and the settings of this replica.
func (x *userIndex) timedOut(entries []indexEntry) []indexEntry {
	now, idle := x.vault.now(), x.vault.limits().idle
	old := slices.DeleteFunc(slices.Clone(entries), func(e indexEntry) bool { return now.Sub(e.lastSeenAt.time()) <= idle })
	return old[max(0, len(old)-maxPruned):]
}

// prune takes out of a user's index what the store does not have any more, and returns which keys it has. Clocks and settings of
// replicas differ, so nothing else is evidence.
func (x *userIndex) prune(ctx context.Context, user string, entries []indexEntry) (alive map[string]bool, err error) {
	if len(entries) == 0 {
		return nil, nil
	}
	if alive, err = x.alive(ctx, keysOf(entries)); err != nil {
		return nil, err
	}
	var gone []string
	for _, e := range entries {
		if !alive[e.key] && x.settled(e) {
			gone = append(gone, e.key)
			_ = x.ends.of(ctx, user, e.key, &EndedError{Reason: x.endedBy(e)})
		}
	}
	if len(gone) > 0 {
		x.drop(ctx, x.keyOf(user), gone)
	}
	return alive, nil
}

// endedBy is Session.endedBy for a session in the index.
func (x *userIndex) endedBy(e indexEntry) outcome.End {
	s := &Session{recordKey: recordKey{kind: kindSession, key: e.key}, limits: x.vault.limits()}
	s.record.createdAt, s.record.authorizedAt, s.record.lastSeenAt = e.createdAt, e.createdAt, e.lastSeenAt
	return s.endedBy(x.vault.now())
}

// settled reports whether a session has been in the index so long that its record must be in the store. After the idle
// timeout no record is written any more.
func (x *userIndex) settled(e indexEntry) bool {
	return x.vault.now().Sub(e.lastSeenAt.time()) > min(settleTime, x.vault.limits().idle)
}

// alive returns which of the sessions are in the store and belong to this client id.
func (x *userIndex) alive(ctx context.Context, keys []string) (map[string]bool, error) {
	entries, err := x.bulk.LoadMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	for i, key := range keys {
		alive[key] = entries[i].Version > 0 && !x.vault.settings.Load().sealer.Foreign(entries[i].Data)
	}
	return alive, nil
}

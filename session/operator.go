package session

import (
	"context"
	"errors"
	"slices"

	"stagedoor/internal/outcome"
)

// Operator is the view of somebody who runs the gateway: the sessions of all users, and the shared accounts. Make one with
// Manager.Operator. It is safe for concurrent use.
type Operator struct {
	m *Manager
}

// Operator returns the operator's view of the manager's sessions.
func (m *Manager) Operator() *Operator { return &Operator{m} }

// Each calls visit with the sessions of one user after the other, until all users have been visited; a user may be
// visited twice when the store is reorganized meanwhile. Memory does not grow with the number of users. It answers what
// visit answers, or ErrStoreUnavailable when not all sessions are known; all that are have been visited then.
func (o *Operator) Each(ctx context.Context, visit func([]Summary) error) error {
	err := o.m.options.Bulk.Scan(ctx, kindIndex+":", func(keys []string) error {
		lists, err := o.m.options.Lists.Fields(ctx, keys)
		if err != nil {
			return err
		}
		indexes := make([]userSessions, len(keys))
		for i, key := range keys {
			indexes[i] = o.m.index.read(keyFor(kindIndex, key), lists[i])
			if indexes[i].user.ID != "" && o.m.index.keyOf(indexes[i].user.ID).key != key {
				indexes[i] = userSessions{} // of another client id
			}
		}
		return o.visitLiving(ctx, indexes, visit)
	})
	if err != nil {
		return err
	}
	var unknown error
	err = o.m.options.Bulk.Scan(ctx, kindUser+":", func(keys []string) error {
		var indexes []userSessions
		for _, key := range keys {
			index, err := o.onlyEarlier(ctx, key)
			if errors.Is(err, errEarlierIndex) {
				unknown = err
				continue
			}
			if err != nil {
				return err
			}
			indexes = append(indexes, index)
		}
		return o.visitLiving(ctx, indexes, visit)
	})
	return errors.Join(err, unknown)
}

// visitLiving visits the sessions of some users that are alive.
func (o *Operator) visitLiving(ctx context.Context, users []userSessions, visit func([]Summary) error) error {
	var keys []string
	for _, u := range users {
		keys = append(keys, keysOf(u.entries)...)
	}
	alive, err := o.m.index.alive(ctx, keys)
	if err != nil {
		return err
	}
	for _, u := range users {
		if list := o.m.summarize(u, alive); len(list) > 0 {
			if err := visit(list); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyEarlier returns the sessions that only a user's earlier index has.
func (o *Operator) onlyEarlier(ctx context.Context, key string) (userSessions, error) {
	earlier, err := o.m.index.earlier(ctx, keyFor(kindUser, key))
	if err != nil {
		return userSessions{}, err
	}
	known, err := o.m.index.load(ctx, o.m.index.keyOf(earlier.ID))
	if err != nil {
		return userSessions{}, err
	}
	return userSessions{user: earlier.user(), entries: earlier.addTo(known.entries)[len(known.entries):]}, nil
}

// EndUser ends all sessions of a user, on all replicas, and returns how many there were.
func (o *Operator) EndUser(ctx context.Context, user string) (int, error) {
	return o.m.endOf(ctx, ending{reason: outcome.EndOperator, event: "revoke", user: user}, func(string) bool { return true })
}

// UsersNamed returns the ids of the users that an operator means: the user with this id, or those with this account id of Spotify's.
// When it finds none at once, it reads the indexes of all users. It answers ErrStoreUnavailable.
func (o *Operator) UsersNamed(ctx context.Context, id string) (ids []string, err error) {
	known, err := o.m.index.of(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case len(known.entries) > 0, len(known.ends) > 0:
		return []string{id}, nil
	}
	add := func(user User) {
		if user.AccountID == id && !slices.Contains(ids, user.ID) {
			ids = append(ids, user.ID)
		}
	}
	indexes, err := o.m.index.named(ctx, nameOfAccount(o.m.vault.client, id))
	for _, index := range indexes {
		add(index.user)
	}
	if err != nil || len(ids) > 0 {
		return ids, err
	}
	err = o.Each(ctx, func(list []Summary) error {
		add(list[0].User)
		return nil
	})
	return ids, err
}

// EndHandle ends the session with a handle, of any user, and returns how many there were: one, or none. When no name leads to its
// user, it reads the keys of all records.
func (o *Operator) EndHandle(ctx context.Context, handle string) (count int, err error) {
	if !isHandle(handle) {
		return 0, nil
	}
	indexes, err := o.m.index.named(ctx, handle)
	if err != nil {
		return 0, err
	}
	for _, index := range indexes {
		why := ending{reason: outcome.EndOperator, event: "revoke", user: index.user.ID}
		ended, err := o.m.endOf(ctx, why, func(key string) bool { return handleOf(key) == handle })
		if err != nil || ended > 0 {
			return ended, err
		}
	}
	why := ending{reason: outcome.EndOperator, event: "revoke"} // only the cookie opens the record, so the user is not known
	err = o.m.options.Bulk.Scan(ctx, kindSession+":"+handle, func(keys []string) error {
		ended, err := o.m.index.endMany(ctx, why, keys)
		count += len(ended)
		return err
	})
	return count, err
}

// EndAll ends all sessions of all users, on all replicas, and returns how many it has ended, also with an error. It finds
// them by their records, whatever any index says. Shared accounts stay connected.
func (o *Operator) EndAll(ctx context.Context) (count int, err error) {
	why := ending{reason: outcome.EndOperator, event: "revoke"}
	if err := o.m.ends.traces.allEnd(ctx); err != nil { // instead of a trace of each
		return 0, err
	}
	err = o.m.options.Bulk.Scan(ctx, kindSession+":", func(keys []string) error {
		ended, err := o.m.index.living(ctx, keys)
		if err != nil {
			return err
		}
		if err := o.m.index.deleteMany(ctx, ended); err != nil {
			return err
		}
		o.m.ends.done(ctx, why, ended)
		count += len(ended)
		return nil
	})
	return count, err
}

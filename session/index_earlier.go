package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Versions until 2026-11 kept the index of a user as one sealed text. This file only reads it, beside the index of today:
// a session that is only there is listed and ended like any other. It is written no more, so each lasts for the idle timeout
// after the upgrade, and no session that is only there lasts longer. A replica of such a version may still write it during
// an upgrade.

// errEarlierIndex says that such an index does not open, so that not all of the user's sessions are known.
var errEarlierIndex = fmt.Errorf("%w: a list of sessions that an earlier version wrote does not open, because its session key "+
	"is not configured here or it was changed; configure that key, or end all sessions with `stagedoor sessions revoke -all`",
	ErrStoreUnavailable)

// earlier is such an index as it is sealed.
type earlierIndex struct {
	ID       string `json:"i"`
	Account  string `json:"a,omitempty"`
	Name     string `json:"n,omitempty"`
	Sessions []struct {
		Key        string  `json:"k"`
		CreatedAt  instant `json:"c"`
		LastSeenAt instant `json:"l"`
		UserAgent  string  `json:"u,omitempty"`
	} `json:"s"`
}

// earlier returns an empty index where there is none. It answers errEarlierIndex or ErrStoreUnavailable.
func (x *userIndex) earlier(ctx context.Context, k recordKey) (earlierIndex, error) {
	entry, err := x.vault.store.Load(ctx, k.key)
	if errors.Is(err, ErrAbsent) {
		return earlierIndex{}, nil
	}
	if err != nil {
		return earlierIndex{}, err
	}
	var index earlierIndex
	plain, err := x.vault.open(k, entry.Data)
	if err == nil {
		err = json.Unmarshal(plain, &index)
	}
	if err != nil {
		return earlierIndex{}, errors.Join(errEarlierIndex, err)
	}
	return index, nil
}

func (i earlierIndex) user() User {
	return User{ID: i.ID, AccountID: i.Account, DisplayName: i.Name}
}

// addTo adds to the entries of an index those that only the earlier one has.
func (i earlierIndex) addTo(entries []indexEntry) []indexEntry {
	for _, s := range i.Sessions {
		if _, err := indexField(s.Key); err != nil || slices.ContainsFunc(entries, func(e indexEntry) bool { return e.key == s.Key }) {
			continue
		}
		entries = append(entries, indexEntry{key: s.Key, createdAt: s.CreatedAt, lastSeenAt: s.LastSeenAt, userAgent: s.UserAgent})
	}
	return entries
}

package session

import (
	"context"
	"math/rand/v2"
	"time"
)

// tidyEvery is how many writes pass, on average, until a list is rid of the fields that are too old.
const tidyEvery = 16

// putTidily writes a field of a list that many sessions share. Now and then it drops the fields whose values are old, because the list
// itself never expires: every write keeps it longer.
func putTidily(ctx context.Context, lists Lists, list, field string, value []byte, ttl time.Duration, isOld func(value []byte) bool) error {
	if err := lists.Put(ctx, list, map[string][]byte{field: value}, ttl); err != nil {
		return err
	}
	if rand.N(tidyEvery) > 0 { //nolint:gosec // G404: no secret
		return nil
	}
	found, err := lists.Fields(ctx, []string{list})
	if err != nil {
		return err
	}
	var old []string
	for field, value := range found[0] {
		if isOld(value) {
			old = append(old, field)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return lists.Drop(ctx, list, old)
}

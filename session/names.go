package session

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// A name is what an operator may know instead of a user's id: the handle of a session, or Spotify's account id. It leads to the index
// of the user, which would be looked for among all users otherwise. Names stand in lists, as traces do (see trace.go): there a name
// takes some 40 bytes.
//
// A name is a shortcut and no evidence: a session is listed and ended by its index and its record, and what no name leads to is
// looked for among all.

const (
	// nameSize is how many bytes of a name are kept.
	nameSize = handleSize / 2
	// nameValueSize is the length of a name's value: until when the name is kept, in seconds since 1970, big-endian.
	nameValueSize = 4
)

// names keeps the names of all users and sessions. It is safe for concurrent use.
type names struct {
	lists Lists
	now   func() time.Time
}

// nameOfAccount is the name of the users with an account id, for one client id. It looks like a handle.
func nameOfAccount(client, account string) string {
	sum := sha256.Sum256([]byte(client + "\x00account\x00" + account))
	return hex.EncodeToString(sum[:nameSize])
}

// nameOf returns the list of a name, and how the fields of its users begin.
func nameOf(name string) (list, begin string) {
	raw, _ := hex.DecodeString(name)
	return kindName + ":" + cut(name, traceDigits), string(raw)
}

// write has a name lead to an index until a time. It may lead to several.
func (n *names) write(ctx context.Context, name string, index recordKey, until time.Time) error {
	id, err := indexID(index)
	if err != nil {
		return err
	}
	list, begin := nameOf(name)
	value := binary.BigEndian.AppendUint32(nil, uint32(until.Unix())) //nolint:gosec // G115: until 2106
	return putTidily(ctx, n.lists, list, begin+string(id), value, max(time.Second, until.Sub(n.now())), n.isOld)
}

// find returns the keys of the indexes that a name leads to.
func (n *names) find(ctx context.Context, name string) ([]recordKey, error) {
	list, begin := nameOf(name)
	lists, err := n.lists.Fields(ctx, []string{list})
	if err != nil {
		return nil, err
	}
	var found []recordKey
	for field := range lists[0] {
		if len(field) == nameSize+indexSize && strings.HasPrefix(field, begin) {
			found = append(found, indexKey([]byte(field[nameSize:])))
		}
	}
	return found, nil
}

// isOld tells whether a value is of a name that has been kept long enough.
func (n *names) isOld(value []byte) bool {
	return len(value) == nameValueSize && n.now().After(time.Unix(int64(binary.BigEndian.Uint32(value)), 0))
}

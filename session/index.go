package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"
)

// The index of a user is a list (see Lists) with a field for each session, or more when its value is long: its name is the session's
// record key, and its value says when the session began, when it was last seen and, sealed, in which browser it is. Other fields say, sealed,
// who the user is. A field that does not open, because its key is not configured on this replica, still names its session.

const (
	// clearSize is the length of what a session's field says in clear: the second of the login and the millisecond of the
	// last use, big-endian.
	clearSize = 4 + 6
	// pieceSize bounds every value. Redis keeps a hash in half the memory while no value is longer than 64 bytes
	// (hash-max-listpack-value). A longer one is in several fields.
	pieceSize = 64
	// maxPieces is the most pieces that a session's value has.
	maxPieces = 1 + (clearSize+maxUserAgent+maxSealing)/pieceSize
	// maxSealing is more than what sealing and compressing add to a short text, in bytes.
	maxSealing = 64
	// indexSize is the length of the id that a user's index is named by, in bytes.
	indexSize = 16
	// settleTime is how long a session may be in the index before its record is in the store.
	settleTime = time.Minute
	// maxPruned bounds how many sessions that may have timed out a login checks.
	maxPruned = 16
)

// userIndex keeps the index of every user. It is safe for concurrent use.
type userIndex struct {
	vault *vault
	cache *cache
	lists Lists
	bulk  Bulk
	ends  *ends
	names names
}

// indexEntry is what the index has about one session. Without userAgent the field does not open, or there was none.
type indexEntry struct {
	key        string // of the record
	createdAt  instant
	lastSeenAt instant
	userAgent  string
}

// keyOf is the key of a user's index. The same user of another client id has another index.
func (x *userIndex) keyOf(user string) recordKey {
	sum := sha256.Sum256([]byte(x.vault.client + "\x00" + user))
	return indexKey(sum[:indexSize])
}

// indexKey is the record key of the index with an id of indexSize bytes, and indexID its inverse.
func indexKey(id []byte) recordKey {
	return keyFor(kindIndex, kindIndex+":"+base64.RawURLEncoding.EncodeToString(id))
}

func indexID(k recordKey) ([]byte, error) {
	_, digits, _ := strings.Cut(k.key, ":")
	return base64.RawURLEncoding.DecodeString(digits)
}

// add writes a session into its user's index, or that it was used. It comes before the session's record is written,
// so that no session is ever missing there.
func (x *userIndex) add(ctx context.Context, s *Session) error {
	k := x.keyOf(s.record.user.ID)
	field, err := indexField(s.key)
	if err != nil {
		return err
	}
	sealed, err := x.vault.seal(fieldKey(k, field), []byte(s.record.userAgent))
	if err != nil {
		return err
	}
	value := binary.BigEndian.AppendUint32(nil, uint32(s.record.createdAt.time().Unix())) //nolint:gosec // G115: until 2106
	value = append(value, binary.BigEndian.AppendUint64(nil, uint64(s.record.lastSeenAt))[2:]...)
	fields := map[string][]byte{}
	putPieces(fields, sessionPiece(field), append(value, sealed...))
	if err := x.addUser(fields, k, s.record.user); err != nil {
		return err
	}
	// A session with an ended grant is kept for endedLifetime, whatever its timeouts.
	ttl := max(0, s.idleUntil().Sub(x.vault.now())) + endedLifetime
	if err := x.lists.Put(ctx, k.key, fields, ttl); err != nil {
		return err
	}
	x.addNames(ctx, k, s)
	return nil
}

// addNames has what an operator may know of a session lead to its user's index, for as long as its end is remembered.
func (x *userIndex) addNames(ctx context.Context, k recordKey, s *Session) {
	until := s.idleUntil().Add(traceLifetime)
	err := x.names.write(ctx, handleOf(s.key), k, until)
	if account := s.record.user.AccountID; err == nil && account != "" && account != s.record.user.ID {
		err = x.names.write(ctx, nameOfAccount(x.vault.client, account), k, until)
	}
	if err != nil {
		x.vault.log.Debug("the names of a session were not written", zap.String("session", s.Label()), zap.Error(err))
	}
}

// addUser adds the fields that say who the user is: the length of the sealed text, and the text in pieces.
func (x *userIndex) addUser(fields map[string][]byte, k recordKey, user User) error {
	var plain bytes.Buffer
	encoder := json.NewEncoder(&plain)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode([]string{user.ID, user.AccountID, cut(user.DisplayName, maxUserAgent)}); err != nil {
		return err
	}
	sealed, err := x.vault.seal(k, plain.Bytes())
	if err != nil {
		return err
	}
	text := append(binary.BigEndian.AppendUint16(nil, uint16(len(sealed))), sealed...) //nolint:gosec // G115: ids are short
	putPieces(fields, strconv.Itoa, text)
	return nil
}

// userSessions is what an index has.
type userSessions struct {
	user    User         // empty when that does not open
	entries []indexEntry // sessions, alive or not, the one used last first
	ends    []recentEnd  // the last one first
}

// read reads the fields of an index.
func (x *userIndex) read(k recordKey, fields map[string][]byte) userSessions {
	var entries []indexEntry
	for field, value := range fields {
		if len(field) != sha256.Size || len(value) < clearSize {
			continue
		}
		created := time.Unix(int64(binary.BigEndian.Uint32(value)), 0)
		seen := binary.BigEndian.Uint64(append([]byte{0, 0}, value[4:clearSize]...))
		e := indexEntry{
			key: kindSession + ":" + hex.EncodeToString([]byte(field)), createdAt: instantOf(created), lastSeenAt: instant(seen), //nolint:gosec // G115: 48 bits
		}
		if plain, err := x.vault.open(fieldKey(k, field), joinPieces(fields, sessionPiece(field))[clearSize:]); err == nil {
			e.userAgent = string(plain)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b indexEntry) int {
		if a.lastSeenAt != b.lastSeenAt {
			return int(b.lastSeenAt - a.lastSeenAt)
		}
		return strings.Compare(a.key, b.key)
	})
	return userSessions{user: x.readUser(k, fields), entries: entries, ends: readRecent(fields)}
}

func (x *userIndex) readUser(k recordKey, fields map[string][]byte) User {
	text := joinPieces(fields, strconv.Itoa)
	if len(text) < 2 || len(text)-2 < int(binary.BigEndian.Uint16(text)) {
		return User{}
	}
	plain, err := x.vault.open(k, text[2:][:binary.BigEndian.Uint16(text)])
	if err != nil {
		return User{}
	}
	var parts [3]string
	if json.Unmarshal(plain, &parts) != nil {
		return User{}
	}
	return User{ID: parts[0], AccountID: parts[1], DisplayName: parts[2]}
}

// load reads the index of today of one user.
func (x *userIndex) load(ctx context.Context, k recordKey) (userSessions, error) {
	lists, err := x.lists.Fields(ctx, []string{k.key})
	if err != nil {
		return userSessions{}, err
	}
	return x.read(k, lists[0]), nil
}

// of returns the index of one user, with what an earlier version wrote. Its user has an ID at least. Some of its sessions may have
// ended a moment ago. It fails rather than leave one out.
func (x *userIndex) of(ctx context.Context, user string) (userSessions, error) {
	index, err := x.load(ctx, x.keyOf(user))
	if err != nil {
		return userSessions{}, err
	}
	earlier, err := x.earlier(ctx, keyForName(kindUser, user))
	if err != nil {
		return userSessions{}, err
	}
	index.entries = earlier.addTo(index.entries)
	if index.user.ID == "" {
		index.user = User{ID: user}
	}
	return index, nil
}

// named returns the indexes that a name leads to, without those that do not open here or are of another client id.
func (x *userIndex) named(ctx context.Context, name string) ([]userSessions, error) {
	keys, err := x.names.find(ctx, name)
	if err != nil {
		return nil, err
	}
	var found []userSessions
	for _, k := range keys {
		index, err := x.load(ctx, k)
		if err != nil {
			return nil, err
		}
		if user := index.user.ID; user != "" && x.keyOf(user).key == k.key {
			found = append(found, index)
		}
	}
	return found, nil
}

// has reports whether a session with a handle is in the index, or its end.
func (u userSessions) has(handle string) bool {
	return slices.ContainsFunc(u.entries, func(e indexEntry) bool { return handleOf(e.key) == handle }) ||
		slices.ContainsFunc(u.ends, func(r recentEnd) bool { return r.handle == handle })
}

// drop takes sessions out that have ended. A failure costs nothing: the lists leave out what has ended.
func (x *userIndex) drop(ctx context.Context, k recordKey, keys []string) {
	var fields []string
	for _, key := range keys {
		if field, err := indexField(key); err == nil {
			for n := range maxPieces {
				fields = append(fields, sessionPiece(field)(n))
			}
		}
	}
	if err := x.lists.Drop(ctx, k.key, fields); err != nil {
		x.vault.log.Debug("ended sessions are still in their user's index", zap.Error(err))
	}
}

func keysOf(entries []indexEntry) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = e.key
	}
	return keys
}

// indexField is the name of a session's field: the digits of its record key as bytes.
func indexField(key string) (string, error) {
	kind, digits, _ := strings.Cut(key, ":")
	raw, err := hex.DecodeString(digits)
	if err != nil || kind != kindSession || len(raw) != sha256.Size {
		return "", errors.New("this is not the record key of a session")
	}
	return string(raw), nil
}

// sessionPiece names the fields that have the pieces of a session's value. The first has the name of the session's field.
func sessionPiece(field string) (name func(n int) string) {
	return func(n int) string {
		if n == 0 {
			return field
		}
		return field + strconv.Itoa(n)
	}
}

// putPieces adds a value as fields of pieceSize bytes at most, whose names come from the number of the piece.
func putPieces(fields map[string][]byte, name func(n int) string, value []byte) {
	n := 0
	for piece := range slices.Chunk(value, pieceSize) {
		fields[name(n)] = piece
		n++
	}
}

// joinPieces is the inverse of putPieces. A session's value that an earlier version wrote is one piece, however long.
func joinPieces(fields map[string][]byte, name func(n int) string) []byte {
	var value []byte
	for n, last := 0, pieceSize; last == pieceSize; n++ {
		piece := fields[name(n)]
		value, last = append(value, piece...), len(piece)
	}
	return value
}

// fieldKey binds what is sealed in a field to that field.
func fieldKey(k recordKey, field string) recordKey {
	k.key += "/" + field
	return k
}

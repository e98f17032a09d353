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

// The index of a user is a list (see Lists) with a field for each session: its name is the session's record key, and its
// value says when the session began, when it was last seen and, sealed, in which browser it is. Other fields say, sealed,
// who the user is. A field that does not open, because its key is not configured on this replica, still names its session.

const (
	// clearSize is the length of what a session's field says in clear: the second of the login and the millisecond of the
	// last use, big-endian.
	clearSize = 4 + 6
	// pieceSize bounds the fields of the user. Redis keeps a hash in a fraction of the memory while no field is longer than
	// 64 bytes (hash-max-listpack-value).
	pieceSize = 64
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
	audit audit
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
	return keyFor(kindIndex, kindIndex+":"+base64.RawURLEncoding.EncodeToString(sum[:16]))
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
	fields := map[string][]byte{field: append(value, sealed...)}
	if err := x.addUser(fields, k, s.record.user); err != nil {
		return err
	}
	// A session with an ended grant is kept for endedLifetime, whatever its timeouts.
	ttl := max(0, s.idleUntil().Sub(x.vault.now())) + endedLifetime
	return x.lists.Put(ctx, k.key, fields, ttl)
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
	n := 0
	for piece := range slices.Chunk(text, pieceSize) {
		fields[strconv.Itoa(n)] = piece
		n++
	}
	return nil
}

// read reads the fields of an index: its sessions, the one used last first, and its user, who is empty when that does
// not open.
func (x *userIndex) read(k recordKey, fields map[string][]byte) ([]indexEntry, User) {
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
		if plain, err := x.vault.open(fieldKey(k, field), value[clearSize:]); err == nil {
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
	return entries, x.readUser(k, fields)
}

func (x *userIndex) readUser(k recordKey, fields map[string][]byte) User {
	var text []byte
	for n := 0; ; n++ {
		piece, found := fields[strconv.Itoa(n)]
		if !found {
			break
		}
		text = append(text, piece...)
	}
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

// of returns the index of one user, the session used last first. Some of its sessions may have ended a moment ago. It fails
// rather than leave one out.
func (x *userIndex) of(ctx context.Context, user string) (recordKey, []indexEntry, User, error) {
	k := x.keyOf(user)
	lists, err := x.lists.Fields(ctx, []string{k.key})
	if err != nil {
		return k, nil, User{}, err
	}
	entries, who := x.read(k, lists[0])
	earlier, err := x.earlier(ctx, keyForName(kindUser, user))
	if err != nil {
		return k, nil, User{}, err
	}
	return k, earlier.addTo(entries), who, nil
}

// drop takes sessions out that have ended. A failure costs nothing: the lists leave out what has ended.
func (x *userIndex) drop(ctx context.Context, k recordKey, keys []string) {
	var fields []string
	for _, key := range keys {
		if field, err := indexField(key); err == nil {
			fields = append(fields, field)
		}
	}
	if err := x.lists.Drop(ctx, k.key, fields); err != nil {
		x.vault.log.Debug("ended sessions are still in their user's index", zap.Error(err))
	}
}

// trim ends the sessions that a user has beyond the limit, those used longest ago first. It takes out what has timed
// out: what may have, or everything when the limit is reached.
func (x *userIndex) trim(ctx context.Context, s *Session) error {
	k := x.keyOf(s.record.user.ID)
	lists, err := x.lists.Fields(ctx, []string{k.key})
	if err != nil {
		return err
	}
	entries, _ := x.read(k, lists[0])
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
	alive, err := x.prune(ctx, k, suspects)
	if err != nil || len(entries) <= limit {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e indexEntry) bool { return !alive[e.key] && x.settled(e) })
	if len(entries) <= limit {
		return nil
	}
	ended, err := x.endMany(ctx, keysOf(entries[limit:]))
	x.drop(ctx, k, ended)
	for _, key := range ended {
		x.audit.key("revoke", "ok", s.record.user.ID, key, zap.String("cause", "too_many"))
	}
	return err
}

// timedOut returns some of the sessions past their idle timeout, by the clock and the settings of this replica.
func (x *userIndex) timedOut(entries []indexEntry) []indexEntry {
	now, idle := x.vault.now(), x.vault.limits().idle
	old := slices.DeleteFunc(slices.Clone(entries), func(e indexEntry) bool { return now.Sub(e.lastSeenAt.time()) <= idle })
	return old[max(0, len(old)-maxPruned):]
}

// prune takes out of the index what the store does not have any more, and tells which keys it has. Clocks and settings of
// replicas differ, so nothing else is evidence.
func (x *userIndex) prune(ctx context.Context, k recordKey, entries []indexEntry) (alive map[string]bool, err error) {
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
		}
	}
	if len(gone) > 0 {
		x.drop(ctx, k, gone)
	}
	return alive, nil
}

// settled tells whether a session has been in the index so long that its record must be in the store. After the idle
// timeout no record is written any more.
func (x *userIndex) settled(e indexEntry) bool {
	return x.vault.now().Sub(e.lastSeenAt.time()) > min(settleTime, x.vault.limits().idle)
}

// alive tells which of the sessions are in the store and belong to this client id.
func (x *userIndex) alive(ctx context.Context, keys []string) (map[string]bool, error) {
	entries, err := x.bulk.LoadMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	alive := map[string]bool{}
	for i, key := range keys {
		alive[key] = entries[i].Version > 0 && !x.vault.settings.Load().sealer.foreign(entries[i].Data)
	}
	return alive, nil
}

// endMany ends those of the sessions that are alive, on all replicas, and returns their keys.
func (x *userIndex) endMany(ctx context.Context, keys []string) (ended []string, err error) {
	alive, err := x.alive(ctx, keys)
	if err != nil {
		return nil, err
	}
	ended = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !alive[key] })
	if len(ended) == 0 {
		return nil, nil
	}
	if _, err := x.bulk.DeleteMany(ctx, ended); err != nil {
		return nil, err
	}
	for _, key := range ended {
		x.cache.Gone(key)
	}
	return ended, nil
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

// fieldKey binds what is sealed in a field to that field.
func fieldKey(k recordKey, field string) recordKey {
	k.key += "/" + field
	return k
}

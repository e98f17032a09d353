package session

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

// vault keeps records in the store, sealed: it loads, saves and deletes them. It is safe for concurrent use.
type vault struct {
	store    Store
	client   string // the client id that records belong to
	settings *atomic.Pointer[settings]
	now      func() time.Time
	log      *zap.Logger
	seed     maphash.Seed

	outage      outage    // when the store did not answer
	otherClient sync.Once // says that there are records of another client id
}

// load reads and opens the record of a key. A record that does not open counts as absent: its key was removed, or another
// program wrote into the store. So does a record of another client id. With the session of the last load it returns that one when the
// store still has the same record.
func (v *vault) load(ctx context.Context, k recordKey, last *Session) (*Session, error) {
	s := &Session{recordKey: k, limits: v.limits(), asked: v.now()}
	ended := ErrNoSession
	entry, err := v.store.Load(ctx, k.key)
	if err != nil && !errors.Is(err, ErrAbsent) {
		if errors.Is(err, ErrStoreUnavailable) {
			v.outage.observe()
		}
		return nil, err
	}
	if err == nil {
		s.version, s.sealed = entry.Version, maphash.Bytes(v.seed, entry.Data)
		if last != nil && last.version == s.version && last.sealed == s.sealed && last.limits == s.limits {
			return last, nil
		}
		if s.record, err = v.openRecord(k, entry); err == nil {
			s.secret = secret.New(strings.Clone(k.secret.Reveal())) // a part of the Cookie header would keep all of it in memory
			return s, nil
		}
		if !errors.Is(err, seal.ErrOtherClient) { // which is logged already
			ended = &EndedError{Reason: v.settings.Load().sealer.Lost(entry.Data)}
			v.log.Warn("a session's record does not open: its key is not configured any more, or it was changed",
				zap.String("session", label(k.key)), zap.Error(err))
		}
	}
	if k.kind == kindApp { // an app without a token needs one, as an app with an expired token does
		return s, nil
	}
	return nil, ended
}

func (v *vault) openRecord(k recordKey, entry Entry) (record, error) {
	plain, err := v.open(k, entry.Data)
	if err != nil {
		return record{}, err
	}
	r, err := decodeRecord(entry.Data[0], plain, v.client)
	if errors.Is(err, seal.ErrOtherClient) { // the tags are short: two client ids may have the same
		v.meetOtherClient(k.key)
	}
	return r, err
}

// seal seals a text for the store under a record key, and open is its inverse. A text longer than 64 KiB is
// seal.ErrTooLarge. A sealed text of another client id is seal.ErrOtherClient, which is a seal.ErrSealed: callers must not change or
// delete its record.
func (v *vault) seal(k recordKey, plain []byte) ([]byte, error) {
	compacted, err := seal.Compact(plain)
	if err != nil {
		return nil, err
	}
	return v.settings.Load().sealer.Seal(k.secret, k.key, compacted)
}

func (v *vault) open(k recordKey, sealed []byte) ([]byte, error) {
	compacted, err := v.settings.Load().sealer.Open(k.secret, k.key, sealed)
	if errors.Is(err, seal.ErrOtherClient) {
		v.meetOtherClient(k.key)
	}
	if err != nil {
		return nil, err
	}
	return seal.Expand(sealed[0], compacted)
}

// meetOtherClient logs, once in the life of the process, that the store has records of another client id.
func (v *vault) meetOtherClient(key string) {
	v.otherClient.Do(func() {
		v.log.Warn("the store has records of another spotify.client_id, which are left as they are: if the client id was "+
			"changed by mistake, change it back, and everybody is logged in again", zap.String("session", label(key)))
	})
}

// save writes next on top of s and returns the session as it is then.
func (v *vault) save(ctx context.Context, s *Session, next record, holder string) (*Session, error) {
	saved := &Session{recordKey: s.recordKey, version: s.version + 1, record: next, limits: s.limits}
	creates := s.version == 0
	if creates && s.kind != kindSession { // the key may have had a record before, see Entry.Create
		saved.version += rand.Uint64N(1 << 62) //nolint:gosec // G404: no secret
	}
	plain, err := next.encode(v.client)
	if err != nil {
		return nil, fmt.Errorf("encode a session record: %w", err)
	}
	sealed, err := v.seal(s.recordKey, plain)
	if err != nil {
		return nil, err
	}
	now := v.now()
	saved.asked = now
	ttl := saved.ttl(now)
	if ttl <= 0 || !now.Before(saved.deadline()) {
		return nil, ErrNoSession
	}
	if err := v.store.Save(ctx, s.key, Entry{Version: saved.version, Create: creates, Data: sealed}, ttl, holder); err != nil {
		return nil, err
	}
	return saved, nil
}

func (v *vault) limits() limits {
	config := v.settings.Load().Config
	return limits{idle: config.IdleTimeout, lifetime: config.MaxLifetime}
}

// delete deletes a record and reports whether there was one. The record of another client id stays.
func (v *vault) delete(ctx context.Context, key string) (deleted bool, err error) {
	entry, err := v.store.Load(ctx, key)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return false, err
	}
	if err == nil && v.settings.Load().sealer.Foreign(entry.Data) {
		v.meetOtherClient(key)
		return false, nil
	}
	return v.store.Delete(ctx, key)
}

// knownAbsent is an error when there is a record of this client id that does not open: its user, who is unknown, may have
// other sessions.
func (v *vault) knownAbsent(ctx context.Context, k recordKey) error {
	entry, err := v.store.Load(ctx, k.key)
	switch {
	case errors.Is(err, ErrAbsent):
		return nil
	case err == nil && !v.settings.Load().sealer.Foreign(entry.Data):
		return fmt.Errorf("%w: a session's record does not open, so the other sessions of its user cannot be found", ErrStoreUnavailable)
	default:
		return err
	}
}

// outageCalm is how long after an outage of the store a replica begins no refresh. A replica that could not write its token
// may have lost its lease during the outage, and writes the token first.
const outageCalm = 4 * savePoll

// outage remembers when the store last did not answer. The zero value remembers no outage.
type outage struct {
	seen atomic.Pointer[time.Time] // not a number: only a time.Time follows no change of the machine's clock
}

// observe records that the store has just not answered.
func (o *outage) observe() {
	now := time.Now()
	o.seen.Store(&now)
}

// calm returns how much of outageCalm is left; zero or less when nothing is.
func (o *outage) calm() time.Duration {
	seen := o.seen.Load()
	if seen == nil {
		return 0
	}
	return outageCalm - time.Since(*seen)
}

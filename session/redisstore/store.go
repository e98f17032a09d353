// Package redisstore keeps sessions in Redis: one server, sentinels or a cluster. It is the store that replicas share. It knows
// the commands, the names of keys and what an operator has to know of the server; it does not know what is in a record.
package redisstore

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"go.uber.org/zap"

	"stagedoor/secret"
	"stagedoor/session"
)

const (
	// versionSize is the length of the version that begins every value, in bytes.
	versionSize = 8
	// redisBuffer is what a connection keeps for each direction, in bytes; longer values pass in pieces.
	redisBuffer = 4 << 10
)

// Store keeps entries in Redis. It implements session.Store, session.Leases, session.Lists and session.Bulk, and is safe for
// concurrent use. Make one with New.
//
// The value of a key is its entry's version, 8 bytes big-endian, and the sealed record behind it. A key and its lease
// share a hash tag, so that a script may touch both in a cluster.
type Store struct {
	client  redis.UniversalClient
	watch   redis.UniversalClient // for Watch alone
	login   atomic.Pointer[login]
	queue   *commandQueue
	prefix  string
	timeout time.Duration
	rights  string                 // what to do about a NOPERM
	product atomic.Pointer[string] // the server's name, once it is known
	noFlags atomic.Bool            // the server is older than flags of scripts
	log     *zap.Logger

	watchState watchState
}

// login is what a new connection logs in with.
type login struct {
	username string
	password secret.Text
}

// New prepares the connections; none is made before the first command. The log gets what the client reports about
// its connections.
func New(c Config, log *zap.Logger) (*Store, error) {
	tlsConfig, err := c.TLS.load()
	if err != nil {
		return nil, err
	}
	redis.SetLogger(redisLog{log.Named("redis")})
	servers := 1
	if c.SentinelMaster == "" {
		servers = len(c.Addresses)
	}
	slots := commandSlots(servers)
	s := &Store{
		prefix: c.KeyPrefix, timeout: c.Timeout, queue: newCommandQueue(slots, c.Timeout),
		rights: c.rightsAdvice(), log: log,
	}
	s.SetLogin(c.Username, c.Password)
	options := &redis.UniversalOptions{
		Addrs: c.Addresses, MasterName: c.SentinelMaster, CredentialsProvider: s.credentials,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword.Reveal(),
		DB: c.Database, TLSConfig: tlsConfig, Dialer: newDialer(c.Timeout, tlsConfig),
		DialTimeout: c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, PoolTimeout: c.Timeout,
		ContextTimeoutEnabled: true, PoolSize: slots + unqueuedConnections,
		// A record has less than a kilobyte, and there may be a connection for each request that asks for one.
		ReadBufferSize: redisBuffer, WriteBufferSize: redisBuffer,
		// One retry mends a pooled connection that a restart of Redis has cut; more would only be late.
		MaxRetries: 1, DialerRetries: 1,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
	s.client = newClient(options)
	s.watch = newClient(s.watchOptions(*options))
	s.client.AddHook(traced{})
	if c.SentinelMaster != "" {
		s.client.AddHook(sentinelDials{})
		s.watch.AddHook(sentinelDials{})
	}
	return s, nil
}

// SetLogin changes what new connections log in with. Those that there are stay logged in as they are.
func (s *Store) SetLogin(username string, password secret.Text) {
	s.login.Store(&login{username: username, password: password})
}

func (s *Store) credentials() (username, password string) {
	login := s.login.Load()
	return login.username, login.password.Reveal()
}

// Load implements session.Store.
func (s *Store) Load(ctx context.Context, key string) (session.Entry, error) {
	var value []byte
	err := s.do(ctx, func(ctx context.Context) (err error) {
		value, err = s.client.Get(ctx, s.name(key)).Bytes()
		return err
	})
	if err != nil {
		return session.Entry{}, err
	}
	if e, ours := readEntry(value); ours {
		return e, nil
	}
	return session.Entry{}, session.ErrAbsent
}

// readEntry reads a value of Redis, and reports whether it is one of ours.
func readEntry(value []byte) (e session.Entry, ours bool) {
	if len(value) < versionSize {
		return session.Entry{}, false
	}
	return session.Entry{Version: binary.BigEndian.Uint64(value), Data: value[versionSize:]}, true
}

// Save implements session.Store.
func (s *Store) Save(ctx context.Context, key string, e session.Entry, ttl time.Duration, holder string) error {
	expected, creates := "", e.Create || e.Version == 1
	if !creates {
		expected = string(binary.BigEndian.AppendUint64(nil, e.Version-1))
	}
	value := append(binary.BigEndian.AppendUint64(nil, e.Version), e.Data...)
	keys, arguments := []string{s.name(key), s.leaseName(key)}, []any{expected, value, milliseconds(ttl), holder}
	var outcome string
	err := s.do(ctx, func(ctx context.Context) (err error) {
		if !creates {
			outcome, err = replaceScript.run(ctx, s.client, &s.noFlags, keys, arguments...).Text()
		} else {
			outcome, err = createScript.Run(ctx, s.client, keys, arguments...).Text()
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case outcome == "lost":
		return session.ErrLeaseLost
	case outcome == "conflict":
		return session.ErrConflict
	default:
		return nil
	}
}

// Delete implements session.Store.
func (s *Store) Delete(ctx context.Context, key string) (bool, error) {
	keys := []string{s.name(key)}
	if !strings.HasPrefix(key, session.SessionKeys) { // a repetition may answer false for a session, and the mark would cost a key for each logout
		keys = append(keys, s.name(key)+":deleted")
	}
	deleted, mark, life := false, rand.Text(), milliseconds(2*s.timeout)
	err := s.do(ctx, func(ctx context.Context) (err error) {
		deleted, err = deleteScript.Run(ctx, s.client, keys, s.deletions(), key, mark, life).Bool()
		return err
	})
	return deleted, err
}

// Acquire implements session.Leases.
func (s *Store) Acquire(ctx context.Context, key, holder string, ttl time.Duration) (bool, error) {
	held := false
	err := s.do(ctx, func(ctx context.Context) (err error) {
		held, err = acquireScript.run(ctx, s.client, &s.noFlags, []string{s.leaseName(key)}, holder, milliseconds(ttl)).Bool()
		return err
	})
	return held, err
}

// Release implements session.Leases.
func (s *Store) Release(ctx context.Context, key, holder string) error {
	return s.do(ctx, func(ctx context.Context) error {
		return releaseScript.Run(ctx, s.client, []string{s.leaseName(key)}, holder).Err()
	})
}

// Ping reports whether Redis answers.
func (s *Store) Ping(ctx context.Context) error {
	return s.do(ctx, func(ctx context.Context) error { return s.client.Ping(ctx).Err() })
}

// Close closes the connections.
func (s *Store) Close() error { return errors.Join(s.client.Close(), s.watch.Close()) }

// do runs a command in a slot of the queue within the timeout, and classifies its error. Without an answer of Redis nothing is known
// about the session, and it has not ended: a broken connection, a wrong password and a full memory are all the same to a browser.
func (s *Store) do(ctx context.Context, command func(context.Context) error) error {
	err := s.queue.enter(ctx)
	if err == nil {
		err = s.send(ctx, command)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return session.ErrAbsent
	case errors.Is(ctx.Err(), context.Canceled): // the caller left, which says nothing about Redis
		return ctx.Err()
	default:
		return &storeError{err}
	}
}

// send runs a command in the slot of the queue that the caller has, and returns the slot.
func (s *Store) send(ctx context.Context, command func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := untilMoved(bounded, command)
	s.queue.leave(endingOf(ctx, err))
	return err
}

func (s *Store) name(key string) string      { return s.prefix + "{" + key + "}" }
func (s *Store) leaseName(key string) string { return s.name(key) + ":lease" }

// milliseconds rounds up: Redis rejects an expiry of zero.
func milliseconds(d time.Duration) int64 { return max(d.Milliseconds(), 1) }

// redisLog passes the client's own messages to zap; they are about connections and are not errors of a request.
type redisLog struct{ log *zap.Logger }

// Printf implements go-redis' logger.
func (l redisLog) Printf(_ context.Context, format string, values ...any) {
	l.log.Debug(withoutArguments(fmt.Sprintf(format, values...)))
}

package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"stagedoor/session"
)

// Ready proves with keys of its own that what a login, a refresh and a logout need works: writing, reading and deleting, a
// lease, the scripts and their channel. An ACL that would fail them makes it fail. It returns what does not work and what to do, or,
// when sessions are served all the same, a remark; neither holds a secret or quotes Redis.
func (s *Store) Ready(ctx context.Context) (remark string, err error) {
	s.learnName(ctx)
	if err := s.mastersAnswer(ctx); err != nil {
		return "", err
	}
	switch err := s.probe(ctx); {
	case err == nil:
		return "", nil
	case redis.HasErrorPrefix(err, "OOM"):
		return s.inItsName("Redis is full (OOM): sessions are served and can be ended, but nobody can log in; raise its maxmemory"), nil
	default:
		problem, advice := s.advise(err)
		switch {
		case forbidden(err):
			problem = "Redis says NOPERM"
		case problem == "":
			problem = Reason(err)
		}
		return "", errors.New(s.inItsName("the session store is not ready: " + problem + "; " + advice))
	}
}

// probe does with keys of its own what the gateway does with a session, its lease and its user's list. An error of a full memory is
// returned only when nothing else fails.
func (s *Store) probe(ctx context.Context) error {
	key := session.SessionKeys + "probe-" + rand.Text()
	if _, err := s.Acquire(ctx, key, "probe", probeLife); err != nil {
		return err
	}
	saved := s.Save(ctx, key, session.Entry{Version: 1, Data: []byte("probe")}, probeLife, "probe")
	_, loaded := s.Load(ctx, key)
	if saved != nil && errors.Is(loaded, session.ErrAbsent) {
		loaded = nil
	}
	listed := s.probeList(ctx)
	_, deleted := s.Delete(ctx, key)
	return errors.Join(loaded, listed, deleted, s.Release(ctx, key, "probe"), saved)
}

// probeList does what the gateway does with a user's list.
func (s *Store) probeList(ctx context.Context) error {
	list := "probe:" + rand.Text()
	if err := s.Put(ctx, list, map[string][]byte{"probe": nil}, probeLife); err != nil {
		return err
	}
	_, read := s.Fields(ctx, []string{list})
	return errors.Join(read, s.Drop(ctx, list, []string{"probe"})) // a list without fields is none
}

// learnName asks the server once what it is, and warns when it may drop sessions. One that does not tell is called Redis.
func (s *Store) learnName(ctx context.Context) {
	if s.product.Load() != nil {
		return
	}
	err := s.do(ctx, func(ctx context.Context) error {
		text, err := s.client.Info(ctx).Result()
		if err == nil {
			info := readInfo(text)
			name := productOf(info)
			s.product.Store(&name)
			if found := checkEviction(name, info["maxmemory_policy"]); found.Severity == Warning {
				s.log.Warn(found.Text)
			}
		}
		return err
	})
	if err != nil && forbidden(err) {
		name := redisName
		s.product.Store(&name)
	}
}

// redisName is what messages call the server until it has told its own name.
const redisName = "Redis"

// productOf is the name of a server that speaks Redis' protocol.
func productOf(info map[string]string) string {
	if info["server_name"] == "valkey" || info["valkey_version"] != "" {
		return "Valkey"
	}
	return redisName
}

// inItsName is a message of ours about Redis that calls the server by its own name. Keys of the configuration stay: they are
// in small letters.
func (s *Store) inItsName(text string) string {
	if name := s.product.Load(); name != nil {
		return strings.ReplaceAll(text, redisName, *name)
	}
	return text
}

package sessiontest

import (
	"testing"

	"go.uber.org/zap"

	"stagedoor/session/redisstore"
)

// OpenRedis connects to Redis for the length of the test.
func OpenRedis(t testing.TB, config redisstore.Config) *redisstore.Store {
	t.Helper()
	store, err := redisstore.New(config, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close the connections: %v", err)
		}
	})
	return store
}

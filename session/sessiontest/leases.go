package sessiontest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"stagedoor/session"
)

func testLease(t *testing.T, s suite) {
	s.acquire(t, "key", "a", longTime, true)
	s.acquire(t, "key", "b", longTime, false)
	s.acquire(t, "other", "b", longTime, true)
	s.release(t, "key", "b") // not b's to give back
	s.acquire(t, "key", "b", longTime, false)
	s.release(t, "key", "a")
	s.acquire(t, "key", "b", longTime, true)
	s.release(t, "key", "a") // not a's any more
	s.acquire(t, "key", "a", longTime, false)
	s.release(t, "nobody's", "a")
}

func testLeaseRenewed(t *testing.T, s suite) {
	s.acquire(t, "key", "a", 10*time.Second, true)
	for range 3 {
		s.advance(8 * time.Second)
		s.acquire(t, "key", "a", 10*time.Second, true)
		s.acquire(t, "key", "b", 10*time.Second, false)
	}
	s.advance(8 * time.Second)
	s.acquire(t, "key", "b", 10*time.Second, false)
}

func testLeaseExpires(t *testing.T, s suite) {
	s.acquire(t, "key", "a", 10*time.Second, true)
	s.advance(10 * time.Second)
	s.acquire(t, "key", "b", 10*time.Second, true)
	s.acquire(t, "key", "a", 10*time.Second, false)
	s.release(t, "key", "a")
	s.acquire(t, "key", "c", 10*time.Second, false)
}

func testLeaseOnce(t *testing.T, s suite) {
	held := countTrue(t, 50, func(i int) (bool, error) {
		return s.leases.Acquire(t.Context(), "key", fmt.Sprint("holder ", i), longTime)
	})
	if held != 1 {
		t.Errorf("%d holders have the lease, want 1", held)
	}
}

func testSaveUnderLease(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	s.acquire(t, "key", "a", longTime, true)
	two := session.Entry{Version: 2, Data: []byte("two")}
	if err := s.store.Save(t.Context(), "key", two, longTime, "b"); !errors.Is(err, session.ErrLeaseLost) {
		t.Errorf("saving with another's lease: got %v, want ErrLeaseLost", err)
	}
	s.want(t, "key", 1, "one")
	if err := s.store.Save(t.Context(), "key", two, longTime, "a"); err != nil {
		t.Errorf("saving with the own lease: %v", err)
	}
	s.mustSave(t, "key", 3, "three") // a save without a holder needs no lease
	s.want(t, "key", 3, "three")
}

func testSaveWithoutLease(t *testing.T, s suite) {
	save := func(version uint64) {
		t.Helper()
		e := session.Entry{Version: version, Data: []byte("data")}
		if err := s.store.Save(t.Context(), "key", e, longTime, "a"); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
	}
	save(1) // nobody ever had the lease
	s.acquire(t, "key", "a", 10*time.Second, true)
	s.advance(10 * time.Second)
	save(2) // the own lease has expired and nobody took it
	s.acquire(t, "key", "b", 10*time.Second, true)
	s.advance(10 * time.Second)
	save(3) // another's has expired
	s.acquire(t, "key", "b", 10*time.Second, true)
	s.release(t, "key", "b")
	save(4) // another's was given back
	s.want(t, "key", 4, "data")
}

func (s suite) acquire(t *testing.T, key, holder string, ttl time.Duration, want bool) {
	t.Helper()
	if held, err := s.leases.Acquire(t.Context(), key, holder, ttl); held != want || err != nil {
		t.Fatalf("%s takes the lease of %q: got %v, %v, want %v", holder, key, held, err, want)
	}
}

func (s suite) release(t *testing.T, key, holder string) {
	t.Helper()
	if err := s.leases.Release(t.Context(), key, holder); err != nil {
		t.Fatalf("%s gives back the lease of %q: %v", holder, key, err)
	}
}

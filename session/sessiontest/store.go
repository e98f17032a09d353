package sessiontest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"stagedoor/session"
)

// longTime is a ttl that no test outlives.
const longTime = time.Hour

// Store is everything that a store of sessions does.
type Store interface {
	session.Store
	session.Leases
	session.Lists
	session.Bulk
	// CountSessions estimates how many browsers' sessions there are.
	CountSessions(ctx context.Context) (int, error)
}

// suite is what a test of a store works with; each has a fresh one.
type suite struct {
	store   session.Store
	leases  session.Leases
	advance func(time.Duration)
}

// TestStore checks that a store keeps the promises of Store. Open returns an empty store and a function that lets time pass
// for it.
func TestStore(t *testing.T, open func(t *testing.T) (Store, func(time.Duration))) {
	for _, c := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"an absent entry", testAbsent},
		{"create and load", testCreate},
		{"create with a version", testCreateWithVersion},
		{"keys are apart", testKeys},
		{"a version conflict changes nothing", testConflict},
		{"a repeated save succeeds", testRepeatedSave},
		{"an entry expires", testExpiry},
		{"a save sets the ttl anew", testNewTTL},
		{"delete", testDelete},
		{"one of 50 deletes is told true", testDeleteOnce},
		{"a save does not bring back a deleted entry", testNoResurrection},
		{"one of several writers wins each version", testOneWriter},
		{"a caller that left learns nothing false", testCanceled},
		{"binary data", testBinary},
		{"a large value", testLarge},
		{"a lease has one holder", testLease},
		{"a lease is renewed", testLeaseRenewed},
		{"a lease expires", testLeaseExpires},
		{"one of 50 takes a lease", testLeaseOnce},
		{"a save is refused with another's lease", testSaveUnderLease},
		{"a save is allowed without any lease", testSaveWithoutLease},
	} {
		t.Run(c.name, func(t *testing.T) {
			store, advance := open(t)
			c.test(t, suite{store, store, advance})
		})
	}
	for _, c := range listTests {
		t.Run(c.name, func(t *testing.T) {
			store, advance := open(t)
			c.test(t, store, advance)
		})
	}
}

func testAbsent(t *testing.T, s suite) {
	s.wantAbsent(t, "key")
	if err := s.save(t, "key", 2, "two"); !errors.Is(err, session.ErrConflict) {
		t.Errorf("saving version 2 of an absent entry: got %v, want ErrConflict", err)
	}
	s.wantAbsent(t, "key")
}

func testCreate(t *testing.T, s suite) {
	for version, data := range []string{"one", "two", "three"} {
		s.mustSave(t, "key", uint64(version)+1, data)
		s.want(t, "key", uint64(version)+1, data)
	}
}

func testCreateWithVersion(t *testing.T, s suite) {
	create := func(version uint64, data string) error {
		return s.store.Save(t.Context(), "key", session.Entry{Version: version, Create: true, Data: []byte(data)}, longTime, "")
	}
	const first = 1 << 61
	for range 2 { // the second as after an answer that was lost
		if err := create(first, "one"); err != nil {
			t.Fatal(err)
		}
	}
	s.want(t, "key", first, "one")
	s.mustSave(t, "key", first+1, "two")
	for _, version := range []uint64{1, first + 1, first + 2} {
		if err := create(version, "another"); !errors.Is(err, session.ErrConflict) {
			t.Errorf("creating version %d of an entry that is there: got %v, want ErrConflict", version, err)
		}
	}
	s.want(t, "key", first+1, "two")
}

func testKeys(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "a")
	s.mustSave(t, "key:", 1, "b")
	s.mustSave(t, "key:lease", 1, "c")
	s.acquire(t, "key", "holder", longTime, true)
	s.want(t, "key", 1, "a")
	s.want(t, "key:", 1, "b")
	s.want(t, "key:lease", 1, "c")
	s.acquire(t, "key:", "another", longTime, true)
}

func testConflict(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	s.mustSave(t, "key", 2, "two")
	for _, version := range []uint64{1, 2, 4, 1 << 40} {
		if err := s.save(t, "key", version, "other"); !errors.Is(err, session.ErrConflict) {
			t.Errorf("saving version %d on top of 2: got %v, want ErrConflict", version, err)
		}
	}
	s.want(t, "key", 2, "two")
}

func testRepeatedSave(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	s.mustSave(t, "key", 1, "one") // as after an answer that was lost
	s.mustSave(t, "key", 2, "two")
	s.mustSave(t, "key", 2, "two")
	if err := s.save(t, "key", 1, "one"); !errors.Is(err, session.ErrConflict) {
		t.Errorf("repeating a save that has been built upon: got %v, want ErrConflict", err)
	}
	s.want(t, "key", 2, "two")
}

func testExpiry(t *testing.T, s suite) {
	if err := s.store.Save(t.Context(), "key", session.Entry{Version: 1, Data: []byte("one")}, time.Minute, ""); err != nil {
		t.Fatal(err)
	}
	s.advance(50 * time.Second)
	s.want(t, "key", 1, "one")
	s.advance(10 * time.Second)
	s.wantAbsent(t, "key")
	if deleted, err := s.store.Delete(t.Context(), "key"); deleted || err != nil {
		t.Errorf("deleting an expired entry: got %v, %v", deleted, err)
	}
	if err := s.save(t, "key", 2, "two"); !errors.Is(err, session.ErrConflict) {
		t.Errorf("saving on top of an expired entry: got %v, want ErrConflict", err)
	}
	s.mustSave(t, "key", 1, "again")
	s.want(t, "key", 1, "again")
}

func testNewTTL(t *testing.T, s suite) {
	for version, ttl := range []time.Duration{time.Minute, longTime, time.Minute} {
		e := session.Entry{Version: uint64(version) + 1, Data: []byte("data")}
		if err := s.store.Save(t.Context(), "key", e, ttl, ""); err != nil {
			t.Fatal(err)
		}
		s.advance(ttl - 10*time.Second)
		s.want(t, "key", e.Version, "data")
	}
	s.advance(10 * time.Second)
	s.wantAbsent(t, "key")
}

func testDelete(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	s.mustSave(t, "other", 1, "one")
	for _, want := range []bool{true, false} {
		if deleted, err := s.store.Delete(t.Context(), "key"); deleted != want || err != nil {
			t.Errorf("deleting: got %v, %v, want %v", deleted, err, want)
		}
	}
	s.wantAbsent(t, "key")
	s.want(t, "other", 1, "one")
}

func testDeleteOnce(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	told := countTrue(t, 50, func(int) (bool, error) { return s.store.Delete(t.Context(), "key") })
	if told != 1 {
		t.Errorf("%d callers were told that they deleted the entry, want 1", told)
	}
	s.wantAbsent(t, "key")
}

func testNoResurrection(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	if _, err := s.store.Delete(t.Context(), "key"); err != nil {
		t.Fatal(err)
	}
	if err := s.save(t, "key", 2, "two"); !errors.Is(err, session.ErrConflict) {
		t.Errorf("saving on top of a deleted entry: got %v, want ErrConflict", err)
	}
	s.wantAbsent(t, "key")
}

func testOneWriter(t *testing.T, s suite) {
	const writers = 8
	for version := uint64(1); version <= 10; version++ {
		data := func(writer int) string { return fmt.Sprintf("version %d by %d", version, writer) }
		var winner string
		var mu sync.Mutex // guards winner
		won := countTrue(t, writers, func(writer int) (bool, error) {
			err := s.save(t, "key", version, data(writer))
			if errors.Is(err, session.ErrConflict) {
				return false, nil
			}
			mu.Lock()
			defer mu.Unlock()
			winner = data(writer)
			return true, err
		})
		if won != 1 {
			t.Fatalf("%d writers won version %d, want 1", won, version)
		}
		s.want(t, "key", version, winner)
	}
}

// testCanceled lets a store do the work or refuse it with the context's error, but say nothing about itself or the entry.
func testCanceled(t *testing.T, s suite) {
	s.mustSave(t, "key", 1, "one")
	left, leave := context.WithCancel(t.Context())
	leave()
	_, loadErr := s.store.Load(left, "key")
	saveErr := s.store.Save(left, "key", session.Entry{Version: 2, Data: []byte("two")}, longTime, "")
	_, acquireErr := s.leases.Acquire(left, "key", "holder", longTime)
	for call, err := range map[string]error{"load": loadErr, "save": saveErr, "acquire": acquireErr} {
		if err != nil && !errors.Is(err, context.Canceled) || errors.Is(err, session.ErrStoreUnavailable) {
			t.Errorf("%s for a caller that left: got %v, want nothing but the context's error", call, err)
		}
	}
	e, err := s.store.Load(t.Context(), "key")
	if err != nil || (e.Version == 2) != (saveErr == nil) {
		t.Errorf("the save answered %v, and then there is version %d and error %v", saveErr, e.Version, err)
	}
}

func testBinary(t *testing.T, s suite) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	for key, data := range map[string]string{
		"every byte": string(all), "nothing": "", "line ends": "\r\n$3\r\nabc\r\n", "zeros": "\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"not UTF-8": "\xff\xfe\x80",
	} {
		s.mustSave(t, key, 1, data)
		s.mustSave(t, key, 1, data)
		s.want(t, key, 1, data)
	}
}

func testLarge(t *testing.T, s suite) {
	data := string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16)) // 1 MiB
	s.mustSave(t, "key", 1, data)
	s.want(t, "key", 1, data)
}

func (s suite) save(t *testing.T, key string, version uint64, data string) error {
	return s.store.Save(t.Context(), key, session.Entry{Version: version, Data: []byte(data)}, longTime, "")
}

func (s suite) mustSave(t *testing.T, key string, version uint64, data string) {
	t.Helper()
	if err := s.save(t, key, version, data); err != nil {
		t.Fatalf("saving version %d of %q: %v", version, key, err)
	}
}

func (s suite) want(t *testing.T, key string, version uint64, data string) {
	t.Helper()
	e, err := s.store.Load(t.Context(), key)
	if err != nil || e.Version != version || string(e.Data) != data {
		t.Fatalf("%q: got version %d with %d bytes and error %v, want version %d with %.40q",
			key, e.Version, len(e.Data), err, version, data)
	}
}

func (s suite) wantAbsent(t *testing.T, key string) {
	t.Helper()
	if e, err := s.store.Load(t.Context(), key); !errors.Is(err, session.ErrAbsent) {
		t.Fatalf("%q: got version %d and error %v, want ErrAbsent", key, e.Version, err)
	}
}

// countTrue makes calls at once and counts those that answered true.
func countTrue(t *testing.T, calls int, call func(i int) (bool, error)) int {
	t.Helper()
	var wg sync.WaitGroup
	begin, answers := make(chan struct{}), make(chan bool, calls)
	for i := range calls {
		wg.Go(func() {
			<-begin
			answer, err := call(i)
			if err != nil {
				t.Error(err)
			}
			answers <- answer
		})
	}
	close(begin)
	wg.Wait()
	close(answers)
	count := 0
	for answer := range answers {
		if answer {
			count++
		}
	}
	return count
}

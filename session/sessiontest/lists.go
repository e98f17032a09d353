package sessiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/session"
)

// listTests are the tests of session.Lists, session.Bulk and the count.
var listTests = []struct {
	name string
	test func(*testing.T, Store, func(time.Duration))
}{
	{"fields are written one by one", testFields},
	{"fields hold any bytes", testFieldBytes},
	{"many writers lose nothing", testFieldWriters},
	{"a list lives as long as its longest promise", testListLife},
	{"a list without fields is absent", testEmptyList},
	{"many entries are loaded", testLoadMany},
	{"many entries are deleted", testDeleteMany},
	{"a scan visits every key", testScan},
	{"a scan ends with what visit answers", testScanEnds},
	{"bulk for a caller that left says nothing false", testBulkCanceled},
	{"sessions are counted among other entries", testCount},
}

func put(t *testing.T, store Store, key string, ttl time.Duration, pairs ...string) {
	t.Helper()
	fields := map[string][]byte{}
	for i := 0; i < len(pairs); i += 2 {
		fields[pairs[i]] = []byte(pairs[i+1])
	}
	if err := store.Put(t.Context(), key, fields, ttl); err != nil {
		t.Fatalf("put %q: %v", key, err)
	}
}

func wantFields(t *testing.T, store Store, key string, pairs ...string) {
	t.Helper()
	lists, err := store.Fields(t.Context(), []string{"nothing", key})
	if err != nil || len(lists) != 2 || len(lists[0]) != 0 || len(lists[1]) != len(pairs)/2 {
		t.Fatalf("the fields of %q are %v, %v; want %q", key, lists, err, pairs)
	}
	for i := 0; i < len(pairs); i += 2 {
		if got := string(lists[1][pairs[i]]); got != pairs[i+1] {
			t.Fatalf("field %q of %q is %q, want %q", pairs[i], key, got, pairs[i+1])
		}
	}
}

func testFields(t *testing.T, store Store, _ func(time.Duration)) {
	put(t, store, "list", longTime, "a", "1", "b", "2")
	put(t, store, "list", longTime, "b", "3", "c", "4")
	put(t, store, "other", longTime, "a", "5")
	wantFields(t, store, "list", "a", "1", "b", "3", "c", "4")
	if err := store.Drop(t.Context(), "list", []string{"a", "c", "unknown"}); err != nil {
		t.Fatal(err)
	}
	wantFields(t, store, "list", "b", "3")
	wantFields(t, store, "other", "a", "5")
}

func testFieldBytes(t *testing.T, store Store, _ func(time.Duration)) {
	var all []byte
	for b := range 256 {
		all = append(all, byte(b))
	}
	put(t, store, "list", longTime, string(all), string(all), "empty", "")
	wantFields(t, store, "list", string(all), string(all), "empty", "")
}

func testFieldWriters(t *testing.T, store Store, _ func(time.Duration)) {
	const writers = 50
	countTrue(t, writers, func(i int) (bool, error) {
		return true, store.Put(t.Context(), "list", map[string][]byte{fmt.Sprint(i): []byte("x")}, longTime)
	})
	lists, err := store.Fields(t.Context(), []string{"list"})
	if err != nil || len(lists[0]) != writers {
		t.Errorf("%d writers leave %d fields, %v", writers, len(lists[0]), err)
	}
}

func testListLife(t *testing.T, store Store, advance func(time.Duration)) {
	put(t, store, "list", time.Minute, "a", "1")
	put(t, store, "list", time.Second, "b", "2")
	advance(50 * time.Second)
	wantFields(t, store, "list", "a", "1", "b", "2")
	advance(11 * time.Second)
	wantFields(t, store, "list")
	put(t, store, "list", time.Second, "c", "3")
	put(t, store, "list", time.Minute, "c", "4")
	advance(50 * time.Second)
	wantFields(t, store, "list", "c", "4")
}

func testEmptyList(t *testing.T, store Store, _ func(time.Duration)) {
	put(t, store, "list", longTime, "a", "1")
	for range 2 {
		if err := store.Drop(t.Context(), "list", []string{"a"}); err != nil {
			t.Fatal(err)
		}
		wantFields(t, store, "list")
	}
	if keys := scan(t, store, "list"); len(keys) != 0 {
		t.Errorf("there is still %q", keys)
	}
	if err := store.Drop(t.Context(), "list", nil); err != nil {
		t.Errorf("to drop nothing: %v", err)
	}
}

// manyEntries saves so many entries and returns their keys.
func manyEntries(t *testing.T, store Store, count int) []string {
	t.Helper()
	var keys []string
	for i := range count {
		key := fmt.Sprintf("many:%d", i)
		if err := store.Save(t.Context(), key, session.Entry{Version: 1, Data: []byte(key)}, longTime, ""); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

func testLoadMany(t *testing.T, store Store, _ func(time.Duration)) {
	keys := slices.Insert(manyEntries(t, store, 450), 300, "absent")
	entries, err := store.LoadMany(t.Context(), keys)
	if err != nil || len(entries) != len(keys) {
		t.Fatalf("%d keys have %d entries, %v", len(keys), len(entries), err)
	}
	for i, e := range entries {
		if (e.Version == 0) != (i == 300) || e.Version != 0 && string(e.Data) != keys[i] {
			t.Errorf("entry %d is %v with %q", i, e.Version, e.Data)
		}
	}
	if entries, err := store.LoadMany(t.Context(), nil); len(entries) != 0 || err != nil {
		t.Errorf("no keys have %v, %v", entries, err)
	}
}

func testDeleteMany(t *testing.T, store Store, _ func(time.Duration)) {
	keys := manyEntries(t, store, 450)
	for _, want := range []bool{true, false} {
		deleted, err := store.DeleteMany(t.Context(), keys[1:])
		if err != nil || len(deleted) != len(keys)-1 || slices.Contains(deleted, !want) {
			t.Fatalf("deleted: %v, %v, want all %v", deleted, err, want)
		}
	}
	if keys := scan(t, store, "many:"); !slices.Equal(keys, []string{"many:0"}) {
		t.Errorf("there is %q", keys)
	}
}

func testScan(t *testing.T, store Store, _ func(time.Duration)) {
	want := manyEntries(t, store, 2500)
	put(t, store, "many:list", longTime, "a", "1")
	put(t, store, "man", longTime, "a", "1")
	put(t, store, "many*", longTime, "a", "1")
	if held, err := store.Acquire(t.Context(), "many:0", "holder", longTime); !held || err != nil {
		t.Fatal(held, err)
	}
	want = append(want, "many:list")
	slices.Sort(want)
	if got := scan(t, store, "many:"); !slices.Equal(got, want) {
		t.Errorf("a scan visits %d keys, want %d", len(got), len(want))
	}
	if got := scan(t, store, "many*"); !slices.Equal(got, []string{"many*"}) {
		t.Errorf("a scan for an asterisk visits %q", got)
	}
}

// scan returns the keys that begin with a text.
func scan(t *testing.T, store Store, begin string) []string {
	t.Helper()
	var keys []string
	if err := store.Scan(t.Context(), begin, func(some []string) error {
		keys = append(keys, some...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func testScanEnds(t *testing.T, store Store, _ func(time.Duration)) {
	manyEntries(t, store, 3)
	enough := errors.New("enough")
	if err := store.Scan(t.Context(), "many:", func([]string) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("the scan answers %v", err)
	}
}

func testBulkCanceled(t *testing.T, store Store, _ func(time.Duration)) {
	keys := manyEntries(t, store, 3)
	left, leave := context.WithCancel(t.Context())
	leave()
	entries, loadErr := store.LoadMany(left, keys)
	for i, e := range entries {
		if loadErr == nil && string(e.Data) != keys[i] {
			t.Errorf("a load without an error says that entry %d is %v", i, e)
		}
	}
	_, deleteErr := store.DeleteMany(left, keys)
	if left := scan(t, store, "many:"); deleteErr == nil && len(left) > 0 {
		t.Errorf("a deletion without an error leaves %s", strings.Join(left, " "))
	}
}

func testCount(t *testing.T, store Store, _ func(time.Duration)) {
	for i := range 30 {
		for _, kind := range []string{"session", "login", "user"} {
			key := fmt.Sprintf("%s:%02d", kind, i)
			if err := store.Save(t.Context(), key, session.Entry{Version: 1, Data: []byte("x")}, longTime, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	if held, err := store.Acquire(t.Context(), "session:00", "holder", longTime); !held || err != nil {
		t.Fatal(held, err)
	}
	if count, err := store.CountSessions(t.Context()); count != 30 || err != nil {
		t.Errorf("of 30 sessions, %d are counted, %v", count, err)
	}
}

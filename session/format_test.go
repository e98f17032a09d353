package session

import (
	"context"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
	"stagedoor/session/seal"
)

var (
	keyA = secret.New("QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=")
	keyB = secret.New("QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")
)

// testClient is the client id of what these tests seal: as long as Spotify's are.
const testClient = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"

// goldenID is the cookie of the golden records; keyA has sealed them, for testClient.
var goldenID = secret.New("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")

// goldenFile is where the golden record of a format lies: what the program that wrote the format has sealed. It is made
// once, with the format, and never again.
func goldenFile(format int) string { return filepath.Join("testdata", "record."+strconv.Itoa(format)) }

// goldenRecord returns what the golden record of a format holds.
func goldenRecord(format int) record {
	want := fullRecord()
	if format == seal.FormatUnnamed {
		want.expiresAt = 0
	}
	return want
}

func readGolden(t testing.TB, format int) []byte {
	t.Helper()
	text, err := os.ReadFile(goldenFile(format))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func managerFor(t testing.TB, client string) *Manager {
	t.Helper()
	c := DefaultConfig()
	c.Keys = []secret.Text{keyA}
	m, err := NewManager(Options{Config: c, Log: zap.NewNop(), Client: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// Every format that was ever written is read to its last field.
func TestGoldenRecords(t *testing.T) {
	m := managerFor(t, testClient)
	for format := 1; format <= seal.FormatWritten; format++ {
		entry := Entry{Version: 1, Data: readGolden(t, format)}
		if entry.Data[0] != byte(format) {
			t.Errorf("format %d: the first byte is %d", format, entry.Data[0])
		}
		got, err := m.vault.openRecord(keyForID(kindSession, goldenID), entry)
		if err != nil {
			t.Fatalf("format %d: %v", format, err)
		}
		if want := goldenRecord(format); !reflect.DeepEqual(got, want) {
			t.Errorf("format %d: got %+v, want %+v", format, got, want)
		}
	}
	if beyond := goldenFile(seal.FormatWritten + 1); fileExists(beyond) {
		t.Errorf("%s is of a format that this program does not write", beyond)
	}
}

func fileExists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// A golden record of an older format is adopted by the client id that opens it; a newer one is its own client id's.
func TestGoldenRecordsOfAnotherClient(t *testing.T) {
	for _, client := range []string{"", "another"} {
		m := managerFor(t, client)
		if _, err := m.vault.openRecord(keyForID(kindSession, goldenID), Entry{Data: readGolden(t, seal.FormatUnnamed)}); err != nil {
			t.Errorf("client id %q, the record without one: %v", client, err)
		}
		_, err := m.vault.openRecord(keyForID(kindSession, goldenID), Entry{Data: readGolden(t, seal.FormatNamed)})
		if !errors.Is(err, seal.ErrOtherClient) {
			t.Errorf("client id %q, the record of another: %v, want seal.ErrOtherClient", client, err)
		}
	}
}

// What a format means is fixed: the names of its fields here, its dictionary in package seal.
func TestFormatsAreFixed(t *testing.T) {
	golden, err := managerFor(t, testClient).vault.open(keyForID(kindSession, goldenID), readGolden(t, seal.FormatWritten))
	if err != nil {
		t.Fatal(err)
	}
	if written, err := fullRecord().encode(testClient); err != nil || string(written) != string(golden) {
		t.Errorf("a record is written as\n%s (%v), and the golden one of the same format is\n%s\nGive the new fields a format of their own.",
			written, err, golden)
	}
}

// A record of an older format is written in the newest at its next use.
func TestOldRecordIsWrittenAnew(t *testing.T) {
	m, store := managerFor(t, testClient), &oneEntry{Entry: Entry{Version: 1, Data: readGolden(t, seal.FormatUnnamed)}}
	want := goldenRecord(seal.FormatUnnamed)
	now := want.lastSeenAt.time().Add(24 * time.Hour)
	m.options.Now = func() time.Time { return now }
	m.vault.store, m.vault.now, m.index.lists = store, m.options.Now, store
	m.ends.traces = traces{lists: store, now: m.options.Now}
	m.index.names = names{lists: store, now: m.options.Now}
	p := keyForID(kindSession, goldenID)
	s, err := m.vault.load(t.Context(), p, nil)
	if err != nil {
		t.Fatal(err)
	}
	m.touch(t.Context(), s)
	if store.Version != 2 || store.Data[0] != seal.FormatWritten {
		t.Fatalf("the record has version %d and format %d", store.Version, store.Data[0])
	}
	if s, err = m.vault.load(t.Context(), p, nil); err != nil || !s.record.grant.same(want.grant) || s.record.lastSeenAt != instantOf(now) {
		t.Errorf("the record has become %+v, %v", s.record, err)
	}
}

// oneEntry is a store that has one entry.
type oneEntry struct {
	Store
	Lists
	Entry
}

func (o *oneEntry) Load(context.Context, string) (Entry, error) { return o.Entry, nil }

func (o *oneEntry) Save(_ context.Context, _ string, e Entry, _ time.Duration, _ string) error {
	o.Entry = e
	return nil
}

func (o *oneEntry) Put(context.Context, string, map[string][]byte, time.Duration) error { return nil }

// Fields is asked for now and then, when a list is tidied.
func (o *oneEntry) Fields(context.Context, []string) ([]map[string][]byte, error) {
	return []map[string][]byte{nil}, nil
}

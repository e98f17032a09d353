package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
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
)

// goldenID is the cookie of the golden records; keyA has sealed them, for testClient.
var goldenID = secret.New("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8")

// goldenFile is where the golden record of a format lies: what the program that wrote the format has sealed. It is made
// once, with the format, and never again.
func goldenFile(format int) string { return filepath.Join("testdata", "record."+strconv.Itoa(format)) }

// goldenRecord returns what the golden record of a format holds.
func goldenRecord(format int) record {
	want := fullRecord()
	if format == formatUnnamed {
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
	for format := 1; format <= formatWritten; format++ {
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
	if beyond := goldenFile(formatWritten + 1); fileExists(beyond) {
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
		if _, err := m.vault.openRecord(keyForID(kindSession, goldenID), Entry{Data: readGolden(t, formatUnnamed)}); err != nil {
			t.Errorf("client id %q, the record without one: %v", client, err)
		}
		_, err := m.vault.openRecord(keyForID(kindSession, goldenID), Entry{Data: readGolden(t, formatNamed)})
		if !errors.Is(err, errOtherClient) {
			t.Errorf("client id %q, the record of another: %v, want errOtherClient", client, err)
		}
	}
}

// What a format means is fixed: its dictionary and the names of its fields. Whoever wants others adds a format.
func TestFormatsAreFixed(t *testing.T) {
	for format, want := range map[byte]string{
		formatUnnamed: "5b7ea1829ba14935",
		formatNamed:   "a61dcebe1b462d69",
	} {
		sum := sha256.Sum256(dictionaries[format].text)
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("the dictionary of format %d has become another (%s): records that it compressed decompress to other "+
				"texts now. Restore it, and give the new one a format of its own.", format, got)
		}
	}
	if len(dictionaries) != formatWritten {
		t.Errorf("there are %d dictionaries for %d formats", len(dictionaries), formatWritten)
	}
	compacted, err := mustSealer(t, keyA).open(goldenID, storeKey(kindSession, goldenID), readGolden(t, formatWritten))
	if err != nil {
		t.Fatal(err)
	}
	golden, err := dictionaries[formatWritten].expand(compacted)
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
	m, store := managerFor(t, testClient), &oneEntry{Entry: Entry{Version: 1, Data: readGolden(t, formatUnnamed)}}
	want := goldenRecord(formatUnnamed)
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
	if store.Version != 2 || store.Data[0] != formatWritten {
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

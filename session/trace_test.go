package session

import (
	"context"
	"maps"
	"testing"
	"time"

	"stagedoor/internal/outcome"
)

// fieldsOf keeps one list. It is Lists.
type fieldsOf map[string][]byte

func (f fieldsOf) Put(_ context.Context, _ string, fields map[string][]byte, _ time.Duration) error {
	maps.Copy(f, fields)
	return nil
}

func (f fieldsOf) Fields(_ context.Context, keys []string) ([]map[string][]byte, error) {
	return []map[string][]byte{maps.Clone(f)}, nil
}

func (f fieldsOf) Drop(_ context.Context, _ string, fields []string) error {
	for _, field := range fields {
		delete(f, field)
	}
	return nil
}

// TestTraces writes every kind of trace and reads it. Their bytes are those of the first version that had them: they never change.
func TestTraces(t *testing.T) {
	at, written := time.Unix(0x01020304, 0), time.Unix(0x05060708, 0)
	for code, want := range map[byte]trace{
		0x00: {end: outcome.EndIdle}, 0x01: {end: outcome.EndAbsolute},
		0x82: {ended: true, end: outcome.EndLogout, counted: true}, 0x83: {ended: true, end: outcome.EndEverywhere, counted: true},
		0x04: {ended: true, end: outcome.EndOperator}, 0x85: {ended: true, end: outcome.EndIdle, counted: true},
		0x86: {ended: true, end: outcome.EndAbsolute, counted: true}, 0x87: {ended: true, end: outcome.EndInvalidGrant, counted: true},
		0x88: {ended: true, end: outcome.EndKeyRemoved, counted: true}, 0x89: {ended: true, end: outcome.EndStoreLost, counted: true},
		0x8a: {ended: true, end: outcome.EndReplaced, counted: true}, 0x8b: {ended: true, end: outcome.EndTooMany, counted: true},
	} {
		want.at, want.written = at, written
		bytes := []byte{code, 1, 2, 3, 4, 5, 6, 7, 8}
		if got, known := readTrace(bytes); !known || got != want {
			t.Errorf("%x: read %+v, want %+v", code, got, want)
		}
		if got := want.encode(); string(got) != string(bytes) {
			t.Errorf("%+v: written as %x", want, got)
		}
	}
	for _, unknown := range []string{"", "\x00", "\x0c12345678", "\x7f12345678", "\xff12345678", "\x00123456789"} {
		if got, known := readTrace([]byte(unknown)); known {
			t.Errorf("%q: read %+v", unknown, got)
		}
	}
}

// TestTracesAreTidied writes a trace again and again: one that is too old goes, and what this version does not know stays.
func TestTracesAreTidied(t *testing.T) {
	now := atSecond(0)
	old := trace{ended: true, at: now.Add(-traceLifetime - time.Hour)}
	list := fieldsOf{"old": old.encode(), "new": trace{end: outcome.EndIdle, at: now}.encode(), "later": []byte("unknown")}
	traces := traces{lists: list, now: func() time.Time { return now }}
	for range 100 * tidyEvery {
		if err := traces.write(t.Context(), "0123456789abcdef", trace{at: now}); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) != 3 || list["old"] != nil {
		t.Errorf("there are %q", list)
	}
}

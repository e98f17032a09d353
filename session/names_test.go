package session

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestNamesAreTidied writes a name again and again: one that is too old goes, and what this version does not know stays.
func TestNamesAreTidied(t *testing.T) {
	now := atSecond(0)
	list := fieldsOf{"later": []byte("unknown")}
	names := names{lists: list, now: func() time.Time { return now }}
	index := keyFor(kindIndex, kindIndex+":AAECAwQFBgcICQoLDA0ODw")
	write := func(name string, until time.Time) {
		t.Helper()
		if err := names.write(t.Context(), name, index, until); err != nil {
			t.Fatal(err)
		}
	}
	write("00000000000000ff", now.Add(-time.Hour))
	for range 100 * tidyEvery {
		write("0123456789abcdef", now.Add(time.Hour))
	}
	if len(list) != 2 || list["later"] == nil {
		t.Errorf("there are %q", list)
	}
	for name, want := range map[string]int{"0123456789abcdef": 1, "00000000000000ff": 0, "0123456789abcdee": 0} {
		found, err := names.find(t.Context(), name)
		if err != nil || len(found) != want || want > 0 && found[0].key != index.key {
			t.Errorf("%s leads to %v, %v", name, found, err)
		}
	}
	if err := names.write(t.Context(), "0123456789abcdef", keyFor(kindIndex, "index:?"), now); err == nil {
		t.Error("a name leads to what is no index")
	}
}

// noLists is down.
type noLists struct{ fieldsOf }

func (noLists) Fields(context.Context, []string) ([]map[string][]byte, error) {
	return nil, ErrStoreUnavailable
}

// What cannot be looked up is not said to lead nowhere.
func TestNamesFailWithTheStore(t *testing.T) {
	names := names{lists: noLists{}, now: time.Now}
	if found, err := names.find(t.Context(), "0123456789abcdef"); !errors.Is(err, ErrStoreUnavailable) {
		t.Error(fmt.Sprint(found, err))
	}
}

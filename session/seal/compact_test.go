package seal

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// TestDictionariesAreFixed: what is compressed against a dictionary opens with no other one.
func TestDictionariesAreFixed(t *testing.T) {
	for format, want := range map[byte]string{
		FormatUnnamed: "5b7ea1829ba14935",
		FormatNamed:   "a61dcebe1b462d69",
	} {
		sum := sha256.Sum256(dictionaries[format].text)
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("the dictionary of format %d has become another (%s): records that it compressed decompress to other "+
				"texts now. Restore it, and give the new one a format of its own.", format, got)
		}
	}
	if len(dictionaries) != FormatWritten {
		t.Errorf("there are %d dictionaries for %d formats", len(dictionaries), FormatWritten)
	}
}

func mustCompact(t testing.TB, text []byte) []byte {
	t.Helper()
	compacted, err := dictionaries[FormatWritten].compact(text)
	if err != nil {
		t.Fatal(err)
	}
	return compacted
}

func TestCompactRoundTrip(t *testing.T) {
	for format, d := range dictionaries {
		longest := strings.Repeat("long ", maxText/5) + "!"
		for _, text := range []string{"", "x", string(d.text), longest} {
			for range 2 { // compressors and expanders are used again
				compacted, err := d.compact([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := d.expand(compacted); err != nil || string(got) != text {
					t.Errorf("format %d: %.20q of %d bytes became %.20q, %v", format, text, len(text), got, err)
				}
			}
		}
		if _, err := d.expand([]byte("no compressed text")); err == nil {
			t.Error("what is not compressed is taken for it")
		}
	}
}

// What is too large is an error on the way in and on the way out, and never becomes shorter.
func TestCompactNeverCuts(t *testing.T) {
	d := dictionaries[FormatWritten]
	for _, size := range []int{maxText + 1, 1 << 24} {
		if compacted, err := d.compact(make([]byte, size)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes became %d, %v, want ErrTooLarge", size, len(compacted), err)
		}
		var out bytes.Buffer
		w, err := flate.NewWriterDict(&out, flate.BestCompression, d.text)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(make([]byte, size))
		_ = w.Close()
		if text, err := d.expand(out.Bytes()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d bytes were read as %d, %v, want ErrTooLarge", size, len(text), err)
		}
	}
	whole := mustCompact(t, []byte(strings.Repeat("0123456789", 100)))
	for size := range whole {
		if text, err := d.expand(whole[:size]); err == nil {
			t.Errorf("the first %d of %d bytes were read as %d bytes", size, len(whole), len(text))
		}
	}
}

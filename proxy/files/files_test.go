package files

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stagedoor/proxy/proxytest"
)

// TestFileThatChangesWhileItIsSent wants no answer rather than one that is made of two files.
func TestFileThatChangesWhileItIsSent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	text := make([]byte, 1<<20)
	_, _ = rand.Read(text) // never fails
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	f := New(folder(filepath.Dir(path)), "", "")
	file, err := f.openRegular("a")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, stamped := stampOf(file.info); !stamped {
		t.Skip("This system does not say when a file was changed.")
	}
	if _, err := io.ReadFull(file, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	proxytest.OldFile(path, string(text))
	if _, err := io.ReadAll(file); err == nil || !file.changed {
		t.Errorf("the rest is read with %v", err)
	}
}

// countedReader counts how often it is read from its begin to its end.
type countedReader struct {
	*bytes.Reader
	ends int
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err == io.EOF {
		c.ends++
	}
	return n, err
}

func (c *countedReader) WriteTo(w io.Writer) (int64, error) {
	c.ends++
	return c.Reader.WriteTo(w)
}

// TestDigestsAreReused reads a file that takes a second, again and again.
func TestDigestsAreReused(t *testing.T) {
	folder := t.TempDir()
	proxytest.OldFile(filepath.Join(folder, "a"), "text")
	stat := func() os.FileInfo {
		info, err := os.Stat(filepath.Join(folder, "a"))
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if _, stamped := stampOf(stat()); !stamped {
		t.Skip("This system does not say when a file was changed.")
	}
	now, step := time.Now(), time.Second
	d := digests{now: func() time.Time { now = now.Add(step); return now }}
	file := &countedReader{Reader: bytes.NewReader([]byte("text"))}
	read := func(what string, want int) {
		t.Helper()
		before := file.ends
		if _, err := d.of("a", file, stat()); err != nil || file.ends-before != want {
			t.Errorf("%s it was read %d times, want %d; %v", what, file.ends-before, want, err)
		}
	}
	now = now.Add(-time.Hour)
	read("changed in this moment,", 1)
	read("changed in this moment,", 1)
	now = now.Add(2 * time.Hour)
	read("for the first time,", 1)
	read("soon after,", 0)
	proxytest.OldFile(filepath.Join(folder, "a"), "next")
	read("after a change,", 1)
	now = now.Add(digestReuse * step)
	read("long after,", 1)
	read("soon after that,", 0)
}

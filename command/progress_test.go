package command

import (
	"bytes"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgress counts for three seconds: one line, and none where nobody looks.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		p := newProgress(&said)
		if p.out != nil {
			t.Error("a buffer is taken for a terminal")
		}
		file, err := os.Create(t.TempDir() + "/log")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if newProgress(file).out != nil {
			t.Error("a file is taken for a terminal")
		}
		p.out = &said
		for range 6 {
			p.add(10)
			time.Sleep(500 * time.Millisecond)
		}
		if said.String() != "50 sessions so far\n" {
			t.Errorf("it says %q", said.String())
		}
	})
}

package client

import (
	"bytes"
	"context"
	"io/fs"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// TestModules runs the tests of client.js, which are written in its own language.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	sessiontest.Require(t, "node", "Install Node.js 20 or later, such as Debian's package nodejs.", err == nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if output, err := exec.CommandContext(ctx, node, "--test", "test/client.test.mjs").CombinedOutput(); err != nil {
		t.Errorf("node --test test/client.test.mjs: %v\n%s", err, output)
	}
}

// TestClientIsSmall keeps the module such that a frontend's owner can read it in one sitting.
func TestClientIsSmall(t *testing.T) {
	for _, file := range []string{"client.js", "client.d.ts"} {
		text, err := fs.ReadFile(Files(), file)
		if err != nil {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte("\n")); file == "client.js" && lines >= 340 {
			t.Errorf("%s has %d lines", file, lines)
		}
		for _, name := range []string{"createClient", "StagedoorError"} {
			if !regexp.MustCompile(`export (function|class) ` + name + `\b`).Match(text) {
				t.Errorf("%s does not export %s", file, name)
			}
		}
	}
}

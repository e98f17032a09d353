package client

import (
	"bytes"
	"context"
	"io/fs"
	"os"
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
		if lines := bytes.Count(text, []byte("\n")); file == "client.js" && lines >= 350 {
			t.Errorf("%s has %d lines", file, lines)
		}
		for _, name := range []string{"createClient", "StagedoorError"} {
			if !regexp.MustCompile(`export (function|class) ` + name + `\b`).Match(text) {
				t.Errorf("%s does not export %s", file, name)
			}
		}
	}
}

// TestQuestionsPage holds docs/frontend.md to what there is: it explains every reason.
func TestQuestionsPage(t *testing.T) {
	page, err := os.ReadFile("../docs/frontend.md")
	if err != nil {
		t.Fatal(err)
	}
	reasons, err := os.ReadFile("../internal/httperror/httperror.go")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`= "([A-Z]+_?[A-Z_]*)"\n`).FindAllSubmatch(reasons, -1)
	if len(found) < 20 {
		t.Fatalf("%d reasons are found, want all of them", len(found))
	}
	for _, reason := range found {
		if !bytes.Contains(page, append([]byte("`"), append(reason[1], '`')...)) {
			t.Errorf("docs/frontend.md does not explain %s", reason[1])
		}
	}
}

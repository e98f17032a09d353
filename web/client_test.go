package web

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"stagedoor/session/sessiontest"
)

// TestClient runs the tests of client.js, which are written in its own language.
func TestClient(t *testing.T) {
	node, err := exec.LookPath("node")
	sessiontest.Require(t, "node", "Install Node.js 20 or later, such as Debian's package nodejs.", err == nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if output, err := exec.CommandContext(ctx, node, "--test", "client.test.mjs").CombinedOutput(); err != nil {
		t.Errorf("node --test client.test.mjs: %v\n%s", err, output)
	}
}

package sessiontest

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// requireVariable names, separated by commas, the programs without which a test must fail.
const requireVariable = "STAGEDOOR_TEST_REQUIRE"

// Require skips the test when a program that it needs is not present. It fails the test instead where nothing may be
// left out: when CI is "true", or when STAGEDOOR_TEST_REQUIRE lists the program's name. How says how to get the program.
func Require(t testing.TB, name, how string, present bool) {
	t.Helper()
	if present {
		return
	}
	if os.Getenv("CI") == "true" || slices.Contains(strings.Split(os.Getenv(requireVariable), ","), name) {
		t.Fatalf("This test needs %s, and it may not be skipped here. %s", name, how)
	}
	t.Skipf("This test needs %s. %s", name, how)
}

package sessiontest

import (
	"os"
	"strconv"
	"testing"
)

// Long tells whether tests are to be as long as they can: all cases of a corpus, whole floods, pictures, and the time that limits of
// minutes take. STAGEDOOR_TEST_LONG=true says so; `.ci/run` does.
func Long() bool {
	long, err := strconv.ParseBool(os.Getenv("STAGEDOOR_TEST_LONG"))
	return err == nil && long
}

// OnlyLong skips a test when tests are not to be long; what is the reason.
func OnlyLong(t testing.TB, what string) {
	t.Helper()
	if !Long() {
		t.Skip(what + ": STAGEDOOR_TEST_LONG=true runs it.")
	}
}

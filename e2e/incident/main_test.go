package incident

import (
	"os"
	"testing"

	"stagedoor/e2e/stage"
)

func TestMain(m *testing.M) {
	stage.Parallel = "5" // nights are mostly spent waiting for the time that an alert takes
	os.Exit(stage.Main(m))
}

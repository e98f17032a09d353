package frontend

import (
	"os"
	"testing"

	"stagedoor/e2e/stage"
)

func TestMain(m *testing.M) { os.Exit(stage.Main(m)) }

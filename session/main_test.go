package session_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Everything that a manager or a store has begun ends with its Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

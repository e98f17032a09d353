package stage

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"stagedoor/session/sessiontest"
)

// Binary is the program under test, built once for all tests.
var Binary string

// Parallel is how many tests run at the same time: they wait for clocks more than for processors.
var Parallel = "4"

// Long is sessiontest.Long.
func Long() bool { return sessiontest.Long() }

// OnlyLong is sessiontest.OnlyLong.
func OnlyLong(t testing.TB, what string) {
	t.Helper()
	sessiontest.OnlyLong(t, what)
}

// Tenth tells of the case i of a corpus whether it is tried: all are when tests are long, every tenth otherwise. The handlers' own
// tests try all of them in any case.
func Tenth(i int) bool { return Long() || i%10 == 0 }

// Tenths are the cases of a corpus that are tried; see Tenth.
func Tenths[T any](corpus []T) []T {
	var tried []T
	for i, c := range corpus {
		if Tenth(i) {
			tried = append(tried, c)
		}
	}
	return tried
}

// Main builds the program and runs the tests of a package; its result is the process' exit code. Every package whose tests
// start gateways has a TestMain with Main. Under -short there is nothing to build and nothing to run.
func Main(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("-short leaves out what starts gateways.")
		return 0
	}
	folder, err := os.MkdirTemp("", "stagedoor-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(folder) }() // the system sweeps its temporary files too
	Binary = filepath.Join(folder, "stagedoor")
	build := exec.Command("go", append(append([]string{"build", "-o", Binary}, BuildFlags...), "stagedoor")...)
	if output, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, output)
		return 1
	}
	if err := flag.Set("test.parallel", Parallel); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

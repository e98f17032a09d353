package sessiontest_test

import (
	"fmt"
	"testing"

	"stagedoor/session/sessiontest"
)

// recorder notes what a test would have done.
type recorder struct {
	testing.TB
	outcome string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.outcome = "skipped: " + fmt.Sprintf(format, args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.outcome = "failed: " + fmt.Sprintf(format, args...)
	panic(r) // Fatalf does not return
}

func TestRequire(t *testing.T) {
	const (
		skipped = "skipped: This test needs redis. Install it."
		failed  = "failed: This test needs redis, and it may not be skipped here. Install it."
	)
	for _, c := range []struct {
		name, ci, list string
		present        bool
		want           string
	}{
		{name: "present", present: true, ci: "true", want: ""},
		{name: "absent on a developer's machine", want: skipped},
		{name: "absent in CI", ci: "true", want: failed},
		{name: "CI is off", ci: "false", want: skipped},
		{name: "absent although listed", list: "chromium,redis", want: failed},
		{name: "another program is listed", list: "chromium", want: skipped},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("CI", c.ci)
			t.Setenv("STAGEDOOR_TEST_REQUIRE", c.list)
			r := &recorder{TB: t}
			func() {
				defer func() { _ = recover() }()
				sessiontest.Require(r, "redis", "Install it.", c.present)
			}()
			if r.outcome != c.want {
				t.Errorf("got %q, want %q", r.outcome, c.want)
			}
		})
	}
}

package token

import (
	"math/big"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// FuzzRetryAfter reads the header as RFC 9110 section 10.2.3 has it, with numbers of any size: a wait is never negative,
// never longer than a day, and never made of something else.
func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{
		"", "0", "7", "86400", "86401", "9223372036854775807", "9223372036854775808", "-1", "+1", "1.5", "1e3", "0x10", "١", "1_0", "1, 2", "7 ",
		"Wed, 21 Oct 2026 07:28:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Wednesday, 21-Oct-26 07:28:00 GMT", "Wed Oct 21 07:28:00 2026",
		testClock.Add(time.Minute).Format(http.TimeFormat), testClock.Add(-time.Minute).Format(http.TimeFormat), "Thu, 01 Jan 0000 00:00:00 GMT",
	} {
		f.Add(value)
	}
	digits := regexp.MustCompile(`^[0-9]+$`)
	f.Fuzz(func(t *testing.T, value string) {
		got := RetryAfter(http.Header{"Retry-After": {value}}, testClock)
		want := time.Duration(0)
		if digits.MatchString(value) {
			seconds, _ := new(big.Int).SetString(value, 10)
			want = longestRetryAfter
			if seconds.Cmp(big.NewInt(int64(longestRetryAfter/time.Second))) < 0 {
				want = time.Duration(seconds.Int64()) * time.Second
			}
		} else if date, err := http.ParseTime(value); err == nil {
			left := new(big.Int).Sub(big.NewInt(date.Unix()), big.NewInt(testClock.Unix())) // Sub of times saturates
			want = time.Duration(min(max(left.Int64(), 0), int64(longestRetryAfter/time.Second))) * time.Second
		}
		if got.Truncate(time.Second) != want.Truncate(time.Second) {
			t.Errorf("%q is %v, want %v", value, got, want)
		}
		if got < 0 || got > longestRetryAfter {
			t.Errorf("%q is %v, which is out of bounds", value, got)
		}
	})
}

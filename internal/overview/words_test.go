package overview

import (
	"testing"
	"time"
)

func TestWords(t *testing.T) {
	day := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{whole(0), "0"}, {whole(999), "999"}, {whole(1000), "1\u202f000"}, {whole(1234567), "1\u202f234\u202f567"},
		{perMinute(0, time.Minute), "0"}, {perMinute(3, 2*time.Minute), "1.5"}, {perMinute(3000, time.Minute), "3\u202f000"},
		{perMinute(1, time.Second), "1"},
		{took(0, false), "none yet"}, {took(700*time.Microsecond, true), "0.7 ms"}, {took(42*time.Millisecond, true), "42 ms"},
		{took(1500*time.Millisecond, true), "1.5 s"},
		{length(4 * time.Second), "4 s"}, {length(61 * time.Second), "1 min"}, {length(61 * time.Minute), "1 h 1 min"},
		{length(49 * time.Hour), "2 d 1 h"},
		{ago(time.Time{}, day), "never"}, {clock(day, day.Add(time.Minute)), "03:04:05"},
		{clock(day, day.Add(24*time.Hour)), "Jan 2 03:04:05"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

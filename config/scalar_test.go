package config

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0":         0,
		"0s":        0,
		"500ms":     500 * time.Millisecond,
		"180d":      180 * day,
		"1d12h":     36 * time.Hour,
		"1.5d":      36 * time.Hour,
		".5d":       12 * time.Hour,
		"1.d":       day,
		"+1d":       day,
		"2h1d":      26 * time.Hour,
		"1d1d":      2 * day,
		"1m30s":     90 * time.Second,
		"0.000001d": 86400 * time.Microsecond,
	} {
		if got, err := parseDuration(text); got != want || err != nil {
			t.Errorf("parseDuration(%q) = %v, %v, want %v", text, got, err, want)
		}
	}
	const unit = "needs a duration such as 30s, 12h or 7d"
	for text, want := range map[string]string{
		"":         unit,
		"10":       unit,
		"d":        unit,
		"1..5d":    unit,
		"1 d":      unit,
		"1dd":      unit,
		"1w":       unit,
		"soon":     unit,
		"1e3d":     unit,
		"1000000d": unit, // more than Go's 292 years
		"-1s":      "must not be negative",
		"-1d":      "must not be negative",
		"１d":       unit,
	} {
		if got, err := parseDuration(text); err == nil || err.Error() != want {
			t.Errorf("parseDuration(%q) = %v, %v, want the error %q", text, got, err, want)
		}
	}
}

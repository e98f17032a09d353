package overview

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"stagedoor/internal/metrics"
)

// unknown stands where nothing has happened that could have taken a time.
const unknown = "none yet"

// words writes a value of a metric's label as a person would.
func words(label string) string { return strings.ReplaceAll(label, "_", " ") }

// whole writes a count with its thousands apart, by a narrow space.
func whole(n float64) string {
	digits := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
	var grouped strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			grouped.WriteRune('\u202f')
		}
		grouped.WriteRune(digit)
	}
	return grouped.String()
}

// perMinute writes a rate; what is small keeps a digit behind the point. In the first minute after the start it is what
// came so far, rather than a guess.
func perMinute(n float64, over time.Duration) string {
	rate := n / max(over, time.Minute).Minutes()
	if rate < 10 && rate != math.Trunc(rate) {
		return strconv.FormatFloat(rate, 'f', 1, 64)
	}
	return whole(rate)
}

func times(n float64) string {
	if n == 1 {
		return "once"
	}
	return whole(n) + " times"
}

func requests(n float64) string {
	if n == 1 {
		return "1 request was"
	}
	return whole(n) + " requests were"
}

// took writes a time that something took, with as many digits as mean something.
func took(d time.Duration, known bool) string {
	switch ms := float64(d) / float64(time.Millisecond); {
	case !known:
		return unknown
	case ms < 10:
		return strconv.FormatFloat(ms, 'f', 1, 64) + " ms"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', 0, 64) + " ms"
	default:
		return strconv.FormatFloat(ms/1000, 'f', 1, 64) + " s"
	}
}

// tookBoth writes the median and the slowest but one of a hundred.
func tookBoth(h metrics.Histogram) string {
	half, known := h.Quantile(0.5)
	if !known {
		return unknown
	}
	return took(half, true) + ", " + took(h.Quantile(0.99))
}

// length writes a length of time by its two largest units.
func length(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%d d %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	}
}

// ago says how long ago something was.
func ago(at, now time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return length(now.Sub(at)) + " ago"
}

// clock writes a time of the day, and the day when it is another.
func clock(at, now time.Time) string {
	at, now = at.UTC(), now.UTC()
	if at.YearDay() != now.YearDay() || at.Year() != now.Year() {
		return at.Format("Jan 2 15:04:05")
	}
	return at.Format("15:04:05")
}

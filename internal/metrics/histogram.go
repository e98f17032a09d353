package metrics

import (
	"math"
	"time"
)

// Histogram is how many observations took how long. The zero value has none.
type Histogram struct {
	// Bounds are the upper ends of the buckets in seconds, ascending; the last is infinite.
	Bounds []float64
	// Below counts the observations up to each bound, those of smaller bounds among them.
	Below []uint64
}

// Count is how many observations there are.
func (h Histogram) Count() uint64 {
	if len(h.Below) == 0 {
		return 0
	}
	return h.Below[len(h.Below)-1]
}

// Since returns what was observed after an earlier state of the same histogram.
func (h Histogram) Since(earlier Histogram) Histogram {
	if len(earlier.Below) != len(h.Below) {
		return h
	}
	below := make([]uint64, len(h.Below))
	for i := range below {
		below[i] = h.Below[i] - earlier.Below[i]
	}
	return Histogram{Bounds: h.Bounds, Below: below}
}

// Add returns both together.
func (h Histogram) Add(other Histogram) Histogram {
	if len(h.Below) == 0 {
		return other
	}
	below := make([]uint64, len(h.Below))
	for i := range below {
		below[i] = h.Below[i] + other.Below[i]
	}
	return Histogram{Bounds: h.Bounds, Below: below}
}

// Quantile returns how long the share q of the observations took at most, as Prometheus' histogram_quantile reckons it:
// evenly spread within a bucket. Where the buckets end it is the last finite bound. It tells false when there are none.
func (h Histogram) Quantile(q float64) (time.Duration, bool) {
	if h.Count() == 0 {
		return 0, false
	}
	rank, lower, before := q*float64(h.Count()), 0.0, uint64(0)
	for i, upper := range h.Bounds {
		if float64(h.Below[i]) < rank || h.Below[i] == before {
			lower, before = upper, h.Below[i]
			continue
		}
		if math.IsInf(upper, 1) {
			break
		}
		share := (rank - float64(before)) / float64(h.Below[i]-before)
		return time.Duration((lower + (upper-lower)*share) * float64(time.Second)), true
	}
	return time.Duration(h.Bounds[len(h.Bounds)-2] * float64(time.Second)), true
}

package main

import (
	"fmt"
	"math"
	"slices"
)

// series holds one figure of each round.
type series []float64

// median is the middle one, or the mean of the two in the middle; not a number when there is none.
func (s series) median() float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// percentile is the smallest figure that is not below a share of them, such as 0.99; not a number when there is none.
func (s series) percentile(share float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// over divides round by round, so that what slows one round of the machine falls out.
func (s series) over(base series) series {
	ratios := make(series, min(len(s), len(base)))
	for i := range ratios {
		ratios[i] = s[i] / base[i]
	}
	return ratios
}

// minus subtracts round by round.
func (s series) minus(base series) series {
	differences := make(series, min(len(s), len(base)))
	for i := range differences {
		differences[i] = s[i] - base[i]
	}
	return differences
}

// text shows the median and, of several, the spread.
func (s series) text(decimals int) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf("%.*f", decimals, s[0])
	default:
		return fmt.Sprintf("%.*f (%.*f–%.*f)", decimals, s.median(), decimals, slices.Min(s), decimals, slices.Max(s))
	}
}

// column takes one figure out of every sample.
func column(samples []sample, figure func(sample) float64) series {
	s := make(series, len(samples))
	for i, one := range samples {
		s[i] = figure(one)
	}
	return s
}

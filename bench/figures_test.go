package main

import (
	"math"
	"testing"
)

func TestMedian(t *testing.T) {
	for _, test := range []struct {
		figures series
		want    float64
	}{{series{7}, 7}, {series{9, 1, 5}, 5}, {series{4, 1, 2, 100}, 3}} {
		if got := test.figures.median(); got != test.want {
			t.Errorf("the median of %v is %v, want %v", test.figures, got, test.want)
		}
	}
	if got := (series{}).median(); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v, want none", got)
	}
}

func TestMedianKeepsTheOrder(t *testing.T) {
	rounds := series{3, 1, 2}
	_ = rounds.median()
	if rounds[0] != 3 || rounds[1] != 1 || rounds[2] != 2 {
		t.Errorf("the rounds are now %v, and ratios would pair the wrong ones", rounds)
	}
}

func TestPercentile(t *testing.T) {
	var hundred series
	for n := 100; n >= 1; n-- {
		hundred = append(hundred, float64(n))
	}
	for share, want := range map[float64]float64{0.5: 50, 0.99: 99, 1: 100, 0: 1} {
		if got := hundred.percentile(share); got != want {
			t.Errorf("percentile %v of 1 to 100 is %v, want %v", share, got, want)
		}
	}
	if got := (series{3, 9}).percentile(0.99); got != 9 {
		t.Errorf("the slowest hundredth of two is %v, want the slower, 9", got)
	}
}

func TestRoundsArePaired(t *testing.T) {
	mine, theirs := series{10, 40, 9}, series{5, 10, 3}
	if got := mine.over(theirs); got[0] != 2 || got[1] != 4 || got[2] != 3 {
		t.Errorf("the ratios are %v, want 2, 4, 3", got)
	}
	if got := mine.minus(theirs); got[0] != 5 || got[1] != 30 || got[2] != 6 {
		t.Errorf("the differences are %v, want 5, 30, 6", got)
	}
}

func TestText(t *testing.T) {
	for want, figures := range map[string]series{"–": nil, "2.50": {2.5}, "2.00 (1.00–9.00)": {9, 1, 2}} {
		if got := figures.text(2); got != want {
			t.Errorf("%v reads %q, want %q", []float64(figures), got, want)
		}
	}
}

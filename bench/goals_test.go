package main

import (
	"math"
	"testing"
)

func TestGoalsAreNotRoundedInOurFavour(t *testing.T) {
	for _, test := range []struct {
		goal   goal
		figure float64
		shown  string
		met    bool
	}{
		{goal{limit: 1, decimals: 3}, 1.0001, "1.001", false},
		{goal{limit: 1, decimals: 3}, 1, "1.000", true},
		{goal{limit: 1, decimals: 3}, 0.9991, "1.000", true},
		{goal{limit: 700}, 700.2, "701", false},
		{goal{limit: 1}, math.NaN(), "NaN", false},
	} {
		if shown, met := test.goal.shown(test.figure), test.goal.met(test.figure); shown != test.shown || met != test.met {
			t.Errorf("%v of %+v is shown as %s, met %t; want %s, %t", test.figure, test.goal, shown, met, test.shown, test.met)
		}
	}
}

func TestGoalsThatWereNotMeasuredAreNotMet(t *testing.T) {
	row := allGoals[0].row(0, false)
	if row[2] != "not measured" || row[3] != "–" {
		t.Errorf("a goal that was not measured reads %q", row)
	}
}

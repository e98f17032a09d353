package config

import "testing"

func TestExpand(t *testing.T) {
	getenv := environment("A", "a", "EMPTY", "", "TRAP", "${A}")
	for text, want := range map[string]string{
		"":                     "",
		"plain":                "plain",
		"${A}":                 "a",
		"x${A}y${A}z":          "xayaz",
		"${EMPTY}":             "",
		"${EMPTY:-d}":          "d",
		"${A:-d}":              "a",
		"${NONE:-d}":           "d",
		"${NONE:-}":            "",
		"${NONE:-a:-b {c}":     "a:-b {c",
		"${NONE:-http://h:80}": "http://h:80",
		"${TRAP}":              "${A}",
		"$${A}":                "${A}",
		"$${A} ${A}":           "${A} a",
		"$$${A}":               "$${A}",
		"$A $ $$ {A}":          "$A $ $$ {A}",
		"${A}}":                "a}",
	} {
		if got, err := expand(text, getenv); got != want || err != nil {
			t.Errorf("expand(%q) = %q, %v, want %q", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"${NONE}":         "the environment variable NONE is not set; set it, or write ${NONE:-default}",
		"${":              errMalformedVariable.Error(),
		"${A":             errMalformedVariable.Error(),
		"${}":             errMalformedVariable.Error(),
		"${1A}":           errMalformedVariable.Error(),
		"${A-d}":          errMalformedVariable.Error(),
		"${A:d}":          errMalformedVariable.Error(),
		"${ A }":          errMalformedVariable.Error(),
		"${NONE:-${A}}":   errMalformedVariable.Error(),
		"fine ${A} ${A B": errMalformedVariable.Error(),
	} {
		if got, err := expand(text, getenv); err == nil || err.Error() != want {
			t.Errorf("expand(%q) = %q, %v, want the error %q", text, got, err, want)
		}
	}
}

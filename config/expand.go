package config

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// variable is what may stand between "${" and "}".
var variable = regexp.MustCompile(`(?s)^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)

var errMalformedVariable = errors.New("a ${ must go on as ${NAME} or ${NAME:-default}, without another ${ inside; " +
	"write $${ for the two characters themselves")

// expand replaces ${NAME} and ${NAME:-default} by what getenv has. As in a shell, :- applies to an empty variable too.
// "$${" stands for "${", and any other "$" for itself. What a variable holds is not expanded again.
func expand(text string, getenv func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			out.WriteString(text)
			return out.String(), nil
		}
		if escaped, ok := strings.CutSuffix(before, "$"); ok {
			out.WriteString(escaped + "${")
			text = rest
			continue
		}
		inside, after, closed := strings.Cut(rest, "}")
		parts := variable.FindStringSubmatch(inside)
		if !closed || parts == nil || strings.Contains(inside, "${") {
			return "", errMalformedVariable
		}
		value, err := lookUp(parts[1], parts[2] != "", parts[3], getenv)
		if err != nil {
			return "", err
		}
		out.WriteString(before + value)
		text = after
	}
}

func lookUp(name string, hasFallback bool, fallback string, getenv func(string) (string, bool)) (string, error) {
	value, set := getenv(name)
	switch {
	case hasFallback && value == "":
		return fallback, nil
	case !set:
		return "", fmt.Errorf("the environment variable %s is not set; set it, or write ${%s:-default}", name, name)
	}
	return value, nil
}

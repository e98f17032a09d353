package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong, or worth a warning, in a configuration file.
type Problem struct {
	// File is the path that was loaded.
	File string
	// Position is where the field stands in the file, or its nearest parent that does.
	Position
	// Field is the key's path, such as "session.keys[0]"; empty when the problem is the file's.
	Field string
	// Text is a sentence that says what to do. It never shows the value of a Secret.
	Text string
	// Fails marks a warning of something that cannot work, although the gateway starts: for the command check it is a problem.
	Fails bool
}

// String returns "file:line:column: field: problem", a form that editors and terminals link.
func (f Problem) String() string {
	place := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Field == "" {
		return place + f.Text
	}
	return place + f.Field + ": " + f.Text
}

// Problems is the error of Load: everything that is wrong in one file, in the order of the file.
type Problems []Problem

// Error returns one problem a line.
func (f Problems) Error() string {
	lines := make([]string, len(f))
	for i, problem := range f {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// sort puts the problems into the order of the file. Problems of one place keep the order in which they were found.
func (f Problems) sort() {
	slices.SortStableFunc(f, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

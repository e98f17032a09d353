package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that is wrong, or worth a warning, in a configuration file.
type Fault struct {
	// File is the path that was loaded.
	File string
	// Position is where the field stands in the file, or its nearest parent that does.
	Position
	// Field is the key's path, such as "session.keys[0]"; empty when the fault is the file's.
	Field string
	// Problem is a sentence that says what to do. It never shows the value of a Secret.
	Problem string
}

// String returns "file:line:column: field: problem", a form that editors and terminals link.
func (f Fault) String() string {
	place := fmt.Sprintf("%s:%d:%d: ", f.File, f.Line, f.Column)
	if f.Field == "" {
		return place + f.Problem
	}
	return place + f.Field + ": " + f.Problem
}

// Faults is the error of Load: everything that is wrong in one file, in the order of the file.
type Faults []Fault

// Error returns one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// sort puts the faults into the order of the file. Faults of one place keep the order in which they were found.
func (f Faults) sort() {
	slices.SortStableFunc(f, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

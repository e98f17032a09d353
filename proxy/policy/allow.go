package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Pattern is one entry of a route's allow list: segments that must be equal, * for any one segment, and at the end
// perhaps ** for any rest, also none.
type Pattern struct {
	segments []string
	open     bool // ends in **
}

// ParsePattern reads a pattern in which PatternProblem finds no problem.
func ParsePattern(text string) Pattern {
	segments := splitPath(text)
	if n := len(segments); n > 0 && segments[n-1] == "**" {
		return Pattern{segments: segments[:n-1], open: true}
	}
	return Pattern{segments: segments}
}

// splitPath returns the segments of a path with or without a slash at its begin; "" and "/" have none.
func splitPath(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// PatternProblem says in a sentence what is wrong with a pattern; empty for nothing.
func PatternProblem(text string) string {
	segments := splitPath(text)
	if len(segments) == 0 {
		return ""
	}
	if segments[len(segments)-1] == "" {
		return fmt.Sprintf("%q ends in a slash, which a path does not keep; write it without", text)
	}
	if problem := SegmentsProblem(strings.Join(segments, "/")); problem != "" {
		return problem
	}
	for i, segment := range segments {
		switch {
		case segment == "**" && i < len(segments)-1:
			return fmt.Sprintf("%q has ** before its end; use * for one segment, and ** only as the last", text)
		case segment != "*" && segment != "**" && strings.Contains(segment, "*"):
			return fmt.Sprintf("%q has * as a part of a segment; * stands for a whole one", text)
		}
	}
	return ""
}

// Matches tells whether a decoded path has the pattern, with or without a slash at its begin and without one at its end.
func (p Pattern) Matches(path string) bool { return p.matches(splitPath(path)) }

func (p Pattern) matches(segments []string) bool {
	if len(segments) < len(p.segments) || (len(segments) > len(p.segments) && !p.open) {
		return false
	}
	return slices.EqualFunc(p.segments, segments[:len(p.segments)], func(want, got string) bool {
		return want == "*" || want == got
	})
}

// AllowList is a route's allow; empty allows every path.
type AllowList []Pattern

// NewAllowList reads patterns as ParsePattern does.
func NewAllowList(texts []string) AllowList {
	list := make(AllowList, len(texts))
	for i, text := range texts {
		list[i] = ParsePattern(text)
	}
	return list
}

// Allows tells whether a pattern matches the decoded path below the route's prefix, without a slash at its end.
func (l AllowList) Allows(rest string) bool {
	segments := splitPath(rest)
	return len(l) == 0 || slices.ContainsFunc(l, func(p Pattern) bool { return p.matches(segments) })
}

// SegmentsProblem says in a sentence what is wrong with segments that an operator wrote, which could never match because every
// path of a request is checked; empty for nothing.
func SegmentsProblem(segments string) string {
	if strings.ContainsAny(segments, "%?#") {
		return fmt.Sprintf("%q must be written decoded, without %%, ? and #", segments)
	}
	if err := checkText(segments); err != nil {
		return fmt.Sprintf("%q can never match: %v is rejected in every path", segments, err)
	}
	if err := checkSegments(segments); err != nil {
		return fmt.Sprintf("%q can never match: %v is rejected in every path", segments, err)
	}
	return ""
}

package proxy

import (
	"fmt"
	"slices"
	"strings"
)

// pattern is one entry of a route's allow list: segments that must be equal, * for any one segment, and at the end
// perhaps ** for any rest, also none.
type pattern struct {
	segments []string
	open     bool // ends in **
}

func parsePattern(text string) pattern {
	segments := splitPath(text)
	if n := len(segments); n > 0 && segments[n-1] == "**" {
		return pattern{segments: segments[:n-1], open: true}
	}
	return pattern{segments: segments}
}

// splitPath returns the segments of a path with or without a slash at its begin; "" and "/" have none.
func splitPath(path string) []string {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

func patternProblem(text string) string {
	segments := splitPath(text)
	if len(segments) == 0 {
		return ""
	}
	if segments[len(segments)-1] == "" {
		return fmt.Sprintf("%q ends in a slash, which a path does not keep; write it without", text)
	}
	if problem := segmentsProblem(strings.Join(segments, "/")); problem != "" {
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

func (p pattern) matches(segments []string) bool {
	if len(segments) < len(p.segments) || (len(segments) > len(p.segments) && !p.open) {
		return false
	}
	return slices.EqualFunc(p.segments, segments[:len(p.segments)], func(want, got string) bool {
		return want == "*" || want == got
	})
}

// allowList is a route's allow; empty allows every path.
type allowList []pattern

func newAllowList(texts []string) allowList {
	list := make(allowList, len(texts))
	for i, text := range texts {
		list[i] = parsePattern(text)
	}
	return list
}

// allows tells whether a pattern matches the decoded path below the route's prefix, without a slash at its end.
func (l allowList) allows(rest string) bool {
	segments := splitPath(rest)
	return len(l) == 0 || slices.ContainsFunc(l, func(p pattern) bool { return p.matches(segments) })
}

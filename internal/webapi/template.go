package webapi

import "strings"

// matches tells whether a template stands for a path.
func matches(template, path string) bool {
	for strings.HasPrefix(path, "/") && template != "" {
		var want, got string
		want, template = cutSegment(template)
		got, path = cutSegment(path)
		if !standsFor(want, got) {
			return false
		}
	}
	return template == "" && path == ""
}

// overlaps tells whether there is a path that both a template and an allow pattern stand for.
func overlaps(template, pattern string) bool {
	for template != "" && pattern != "" {
		var want, got string
		got, pattern = cutSegment(pattern)
		if got == "**" {
			return true
		}
		want, template = cutSegment(template)
		if got != "*" && !standsFor(want, got) {
			return false
		}
	}
	return template == "" && (pattern == "" || pattern == "/**")
}

// nearer tells whether the first of two templates that stand for one path is the more literal: at the first segment
// that only one of them leaves open, it is not that one.
func nearer(template, other string) bool {
	for template != "" && other != "" {
		var a, b string
		a, template = cutSegment(template)
		b, other = cutSegment(other)
		if isOpen(a) != isOpen(b) {
			return isOpen(b)
		}
	}
	return false
}

// standsFor tells whether a template's segment stands for a path's. An open one stands for anything but nothing.
func standsFor(want, got string) bool { return want == got || isOpen(want) && got != "" }

// isOpen tells whether a template's segment is a name in braces.
func isOpen(segment string) bool { return strings.HasPrefix(segment, "{") }

// cutSegment cuts the first segment off a path that begins with a slash.
func cutSegment(path string) (segment, rest string) {
	path = path[1:]
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}

package config

import (
	"regexp"
	"strings"
)

var (
	// keyLine is a key of a block mapping, perhaps the first one of a list's entry.
	keyLine = regexp.MustCompile(`^( *)(- )?([a-z_]+):( |$)`)
	// commentLine is a comment. One that reads as a key is an example.
	commentLine = regexp.MustCompile(`^( *)# ?(.*)$`)
)

// comments are what a commented config.yaml says about its keys, by their paths as eachKey has them.
type comments map[string]string

// readComments takes the comment above a key for the key's, and for that of the keys right below it that have none. The
// comment above an entry of a list is that of the entry's other keys. Keys in an example that is commented out count.
func readComments(text string) comments {
	known := map[string]bool{}
	eachKey(configType, "", func(path, name string) { known[join(path, name)] = true })
	found := comments{}
	var above []string  // the comment that is being read
	var sections []open // what the current line is in
	var last open       // the key that the next one may share the comment of
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if comment := commentLine.FindStringSubmatch(line); comment != nil {
			line = comment[1] + comment[2]
			if inner := commentLine.FindStringSubmatch(line); inner != nil {
				above = append(above, inner[2])
				continue
			}
			if !keyLine.MatchString(line) {
				above = append(above, comment[2])
				continue
			}
		}
		key := keyLine.FindStringSubmatch(line)
		if key == nil { // an empty line
			above, last = nil, open{}
			continue
		}
		indent := len(key[1]) + len(key[2])
		for len(sections) > 0 && sections[len(sections)-1].indent >= indent {
			sections = sections[:len(sections)-1]
		}
		path := key[3]
		if len(sections) > 0 {
			path = join(sections[len(sections)-1].path, key[3])
		}
		if !known[path] { // a name of the operator's choice
			above = nil
			continue
		}
		if len(above) > 0 {
			last = open{indent: indent, comment: strings.Join(above, " ")}
		}
		if _, described := found[path]; !described && key[2] == "" && last.indent == indent && last.comment != "" {
			found[path] = last.comment
		}
		sections = append(sections, open{indent: indent, path: path})
		above = nil
	}
	return found
}

// open is a key above the current line.
type open struct {
	indent        int
	path, comment string
}

// of returns the comment of a key, or of the nearest section around it that has one.
func (c comments) of(path string) string {
	for path != "" {
		if comment, ok := c[path]; ok {
			return comment
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
	return ""
}

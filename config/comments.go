package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// exampleLine is a line of an example that is commented out: a key, perhaps the first one of a list's entry, or a comment.
var exampleLine = regexp.MustCompile(`(?m)^( *)# ?( *(?:- )?[a-z_]+:(?: .*)?| *#.*)$`)

// comments are what a commented config.yaml says about its keys, by their paths as eachKey has them.
type comments map[string]string

// readComments takes the comment above a key for the key's, and for that of the keys after it that have none. The
// comment above an entry of a list is that of the entry's other keys. Keys in an example that is commented out count.
// What stands above the first empty line is about the file.
func readComments(text string) (comments, error) {
	_, text, _ = strings.Cut(text, "\n\n")
	r := commentReader{above: yaml.CommentMap{}, known: map[string]bool{}, found: comments{}}
	eachKey(configType, "", func(path, name string) { r.known[join(path, name)] = true })
	var root yaml.MapSlice
	err := yaml.UnmarshalWithOptions([]byte(exampleLine.ReplaceAllString(text, "$1$2")), &root, yaml.CommentToMap(r.above),
		yaml.UseOrderedMap(), yaml.AllowDuplicateMapKey()) // an example repeats its key
	if err != nil {
		return nil, fmt.Errorf("read the comments: %w", err)
	}
	for _, item := range root { // each section on its own: only keys within one share a comment
		r.read("$", "", "", yaml.MapSlice{item})
	}
	return r.found, nil
}

// commentReader brings comments from their places in a file, as the YAML library names them, to the paths of keys.
type commentReader struct {
	above yaml.CommentMap
	known map[string]bool
	found comments
}

// read takes the comments of a section's keys. Keys without one have the last one above them, which the section may bring.
func (r commentReader) read(place, path, last string, section yaml.MapSlice) {
	for _, item := range section {
		place, path := fmt.Sprint(place, ".", item.Key), path
		if at := join(path, fmt.Sprint(item.Key)); r.known[at] { // not a name of the operator's choice
			path = at
			if own := r.at(place); own != "" {
				last = own
			}
			if last != "" && r.found[path] == "" {
				r.found[path] = last
			}
		}
		switch value := item.Value.(type) {
		case yaml.MapSlice:
			r.read(place, path, "", value)
		case []any:
			for i, entry := range value {
				if entry, is := entry.(yaml.MapSlice); is {
					entryPlace := fmt.Sprintf("%s[%d]", place, i)
					r.read(entryPlace, path, r.at(entryPlace), entry[min(1, len(entry)):])
				}
			}
		}
	}
}

func (r commentReader) at(place string) string {
	var lines []string
	for _, comment := range r.above[place] {
		for _, line := range comment.Texts {
			lines = append(lines, strings.TrimPrefix(line, " "))
		}
	}
	return strings.Join(lines, " ")
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

package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"stagedoor/internal/spelling"
	"stagedoor/secret"
)

// fileSuffix makes the name of a secret's twin: the key that names a file to read the secret from.
const fileSuffix = "_file"

var (
	secretType  = reflect.TypeFor[secret.Text]()
	secretsType = reflect.TypeFor[[]secret.Text]()
)

// key is one key that a section may have.
type key struct {
	name string
	// index is the struct's field.
	index int
	// twin marks the …_file key of a secret, which has no field of its own.
	twin bool
}

// keysOf lists the keys of a section in the order of its struct: the yaml tags, and the twins of the secrets.
func keysOf(section reflect.Type) []key {
	var keys []key
	for i := range section.NumField() {
		field := section.Field(i)
		name := field.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		keys = append(keys, key{name: name, index: i})
		if field.Type == secretType || field.Type == secretsType {
			keys = append(keys, key{name: name + fileSuffix, index: i, twin: true})
		}
	}
	return keys
}

// eachKey calls visit for every key below a section, with the path of the section that has it. The path of what a
// list or a map holds is that of the list or map itself.
func eachKey(section reflect.Type, path string, visit func(path, name string)) {
	for _, k := range keysOf(section) {
		visit(path, k.name)
		inner := section.Field(k.index).Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Map {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner != secretType {
			eachKey(inner, join(path, k.name), visit)
		}
	}
}

// plainName is a key that can stand in a path as it is.
var plainName = regexp.MustCompile(`^[\w-]+$`)

// join makes the path of a key from its section's.
func join(path, name string) string {
	if !plainName.MatchString(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

// maxShownKey is longer than any key, in bytes.
const maxShownKey = 24

// shownKey is the path of an unknown key as a message may show it. A long one may be a secret in the place of a key, or
// behind it with a = in between.
func shownKey(section, name string) string {
	if before, _, found := strings.Cut(name, "="); found {
		name = before
	}
	if len(name) > maxShownKey {
		return section
	}
	return join(section, name)
}

// unknownKey says what to do about a key that its section does not have: the nearest known key, or the section that
// has a key of this name, or all the keys there are.
func unknownKey(name string, section reflect.Type) string {
	var known []string
	for _, k := range keysOf(section) {
		known = append(known, k.name)
	}
	if len(known) == 0 {
		return "unknown key; this section has no keys yet"
	}
	if near := spelling.Nearest(strings.ToLower(name), known); near != "" {
		return fmt.Sprintf("unknown key; did you mean %s?", near)
	}
	if home, ok := homeOf(name); ok {
		return fmt.Sprintf("unknown key; it belongs %s", home)
	}
	return "unknown key; known here: " + strings.Join(known, ", ")
}

// homeOf says in words where config.yaml has a key of this name.
func homeOf(name string) (string, bool) {
	var homes []string
	eachKey(configType, "", func(path, known string) {
		switch {
		case known != name:
		case path == "":
			homes = append(homes, "at the top level")
		default:
			homes = append(homes, "below "+path)
		}
	})
	return strings.Join(homes, " or "), len(homes) > 0
}

package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// AdminListen returns admin.listen of a configuration that a running gateway may have been started with, whatever is wrong with the
// rest of it by now: the file's, else that of the environment, else the default. A file that cannot be read counts as empty.
func AdminListen(path string, getenv func(string) (string, bool)) string {
	text, _ := os.ReadFile(path) // see above
	d := newDecoder(path, string(text), getenv)
	if body, parsed := d.parse(); parsed {
		listen, found := d.entry(body, "admin")
		if found {
			listen, found = d.entry(listen, "listen")
		}
		if found && !isNull(listen) {
			if s, ok := d.scalar("admin.listen", listen, reflect.TypeFor[string]()); ok {
				return s.text
			}
		}
	} else if match := adminListen.FindStringSubmatch(d.source.text()); match != nil {
		if listen, err := expand(strings.Trim(match[1], `"'`), getenv); err == nil {
			return listen
		}
	}
	if listen, _ := getenv("STAGEDOOR_ADMIN_LISTEN"); listen != "" {
		return listen
	}
	return Default().Admin.Listen
}

// adminListen finds the value in a file that is not YAML any more, such as after an edit that broke another line.
var adminListen = regexp.MustCompile(`(?m)^admin:(?:[ \t]*\{[^}\n]*?\blisten:[ \t]*|[ \t]*(?:#.*)?\n(?:[ \t]+.*\n|[ \t]*\n|#.*\n)*?[ \t]+listen:[ \t]*)` +
	`("[^"\n]*"|'[^'\n]*'|[^\s,#]*[^\s,}#])`)

// entry returns the value of a key of a mapping.
func (d *decoder) entry(node ast.Node, name string) (value ast.Node, found bool) {
	for _, e := range d.entries("", node) {
		if e.name == name {
			return e.node, true
		}
	}
	return nil, false
}

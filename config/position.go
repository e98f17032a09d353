package config

import (
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Position is a place in a file. Lines and columns count from 1; columns count characters, not bytes.
type Position struct {
	Line, Column int
}

// fileStart is the position of what is not in the file.
var fileStart = Position{Line: 1, Column: 1}

// positions are the places of the fields that the file has, by their paths.
type positions map[string]Position

// of returns the field's position, or that of its nearest parent in the file. When neither is there, it is false and
// gives the file's start.
func (p positions) of(field string) (position Position, found bool) {
	for field != "" {
		if position, ok := p[field]; ok {
			return position, true
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return fileStart, false
}

// source is the text of a configuration file, with line ends as the YAML scanner counts them.
type source struct {
	name  string
	lines []string
}

// newSource drops a byte order mark and turns CR LF into LF: the scanner would count such line ends twice
// (https://github.com/goccy/go-yaml/issues/560).
func newSource(name, text string) source {
	text = strings.TrimPrefix(text, "\ufeff")
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	return source{name: name, lines: strings.Split(text, "\n")}
}

func (s source) text() string { return strings.Join(s.lines, "\n") }

// notUTF8 finds the first character that is not UTF-8.
func (s source) notUTF8() (Position, bool) {
	for i, line := range s.lines {
		column := 1
		for rest := line; rest != ""; column++ {
			r, size := utf8.DecodeRuneInString(rest)
			if r == utf8.RuneError && size == 1 {
				return Position{Line: i + 1, Column: column}, true
			}
			rest = rest[size:]
		}
	}
	return Position{}, false
}

// at returns the place of a token. It is kept inside the file, which the scanner does not promise for every token of
// several lines.
func (s source) at(tk *token.Token) Position {
	if tk == nil || tk.Position == nil {
		return fileStart
	}
	line := min(max(tk.Position.Line, 1), len(s.lines))
	end := utf8.RuneCountInString(s.lines[line-1]) + 1
	return Position{Line: line, Column: min(max(tk.Position.Column, 1), end)}
}

// start returns where a node begins. The token of a block mapping is its first colon, so its first key is taken.
func (s source) start(node ast.Node) Position {
	if mapping, ok := node.(*ast.MappingNode); ok && !mapping.IsFlowStyle && len(mapping.Values) > 0 {
		return s.start(mapping.Values[0].Key)
	}
	if node == nil {
		return fileStart
	}
	return s.at(node.GetToken())
}

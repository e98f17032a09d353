package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"stagedoor/secret"
	"stagedoor/spelling"
)

// excerpt shows the line of a position with a mark under the column. It ends up in terminals and logs of deployments,
// so it shows nothing that may be a secret, nor what a terminal would obey.
func (s *source) excerpt(p Position) string {
	if s.shown == nil {
		s.shown = withoutSecrets(s.lines)
	}
	line := []rune(strings.TrimRight(s.shown[p.Line-1], " \t"))
	column := min(p.Column, max(len(line), 1))
	line, column = window(line, column)
	for i, r := range line {
		switch {
		case r == '\t':
			line[i] = '→'
		case !unicode.IsPrint(r):
			line[i] = unicode.ReplacementChar
		}
	}
	return fmt.Sprintf("%5d | %s\n      | %s^", p.Line, string(line), strings.Repeat(" ", column-1))
}

// window cuts a long line to what surrounds the column.
func window(line []rune, column int) ([]rune, int) {
	const width = 100
	if from := column - 1 - width/2; from > 0 && len(line) > width {
		line, column = append([]rune{'…'}, line[from:]...), column-from+1
	}
	if len(line) > width {
		line = append(slices.Clone(line[:width]), '…')
	}
	return line, column
}

// keyNames are all keys that config.yaml may have. A secret is known by its twin.
var keyNames = func() []string {
	var names []string
	eachKey(configType, "", func(_, name string) { names = append(names, name) })
	return names
}()

func isSecretKey(name string) bool {
	return slices.Contains(keyNames, name) && slices.Contains(keyNames, name+fileSuffix)
}

var (
	// word is what may be a key, with the colon of one, or what somebody wrote in its place.
	word = regexp.MustCompile(`([A-Za-z_][\w-]*)(["']?\s*[:=])?`)
	// secretive is in the names of secrets, ours or another program's.
	secretive = regexp.MustCompile(`(?i)secret|pass|pwd|token|credential|bearer|key`)
	// undoubted is so even where no colon says that a name is meant.
	undoubted = regexp.MustCompile(`(?i)secret|passw|pwd`)
	// separator stands between a name and its value.
	separator = regexp.MustCompile(`^["']?\s*[:=]?\s*`)
	// empty is a rest of a line without a value of its own.
	empty = regexp.MustCompile(`^[\s:=>|"'[\]{},-]*(\$\{\w*\}?[\s:"'[\]{},]*)*$`)
	// path is a value that leads to a file. What somebody has put in the place of a file's name may be the secret itself.
	path = regexp.MustCompile(`^["']?(\.{1,2}/|(/[\w.-]+){2,}|\$\{)`)
	// continues is a line that goes on with the value of the one before it.
	continues = regexp.MustCompile(`^\s*([^\s\w"'-]|[^:]*$)`)
)

// parent is a line that others may belong to.
type parent struct {
	indent int
	hide   bool
}

// withoutSecrets returns the lines without what may be a secret. It reads the text and not the syntax tree, because most
// faults of syntax leave none, and rather hides too much: what follows the name of a secret, however it is misspelt, or
// a key that it does not know, and the lines that belong to it.
func withoutSecrets(lines []string) []string {
	var parents []parent
	hide := false
	shown := slices.Clone(lines)
	for i, line := range lines {
		text := strings.TrimLeft(line, " \t")
		if text == "" || text[0] == '#' {
			continue
		}
		indent := len(line) - len(text)
		if !hide || !continues.MatchString(line) {
			parents = parentsOf(parents, indent, text[0] == '-')
			hide = slices.ContainsFunc(parents, func(p parent) bool { return p.hide })
		}
		if hide {
			shown[i] = line[:indent] + secret.Redacted
			continue
		}
		shown[i], hide = visible(line)
		parents = append(parents, parent{indent, hide})
	}
	return shown
}

// parentsOf drops the parents that a line does not belong to. The dash of an entry may stand as far left as its list.
func parentsOf(parents []parent, indent int, dash bool) []parent {
	for n := len(parents); n > 0; n-- {
		if last := parents[n-1].indent; last < indent || last == indent && dash {
			return parents[:n]
		}
	}
	return nil
}

// visible cuts a line behind the first name in it whose value may be a secret. It tells whether there is one, for the
// lines that follow.
func visible(line string) (shown string, hide bool) {
	if comment := strings.Index(line, " #"); comment >= 0 {
		line = line[:comment]
	}
	line = secret.WithoutUserinfos(line)
	for _, at := range word.FindAllStringSubmatchIndex(line, -1) {
		name, rest, colon := line[at[2]:at[3]], line[at[3]:], at[4] >= 0
		switch {
		case strings.HasSuffix(line[:at[2]], "/"): // a part of a path
			continue
		case namesFile(name) && !path.MatchString(strings.TrimPrefix(rest, separator.FindString(rest))):
			hide = true
		case mayBeSecret(name, colon):
			hide = true
		case !colon || !isForeignKey(name, rest):
			continue
		}
		if !empty.MatchString(rest) {
			value := strings.TrimPrefix(rest, separator.FindString(rest))
			return strings.TrimSuffix(line, value) + secret.Redacted, hide
		}
		if hide {
			break
		}
	}
	return line, hide
}

// mayBeSecret tells whether a word announces a secret: it is the name of one, or close to it, or sounds so.
func mayBeSecret(name string, colon bool) bool {
	switch {
	case slices.Contains(keyNames, name) && !isSecretKey(name):
		return false
	case !colon:
		return undoubted.MatchString(name)
	}
	near := nearestKey(name)
	return isSecretKey(name) || isSecretKey(near) || secretive.MatchString(name) && !secretive.MatchString(near)
}

// namesFile tells whether a key wants the name of a file with a secret in it.
func namesFile(name string) bool {
	return strings.HasSuffix(name, fileSuffix) && secretive.MatchString(name) && slices.Contains(keyNames, name)
}

// isForeignKey tells whether a name with a colon is a key that config.yaml does not have, and no section either.
func isForeignKey(name, rest string) bool {
	value := strings.TrimPrefix(rest, separator.FindString(rest))
	spaced := strings.HasSuffix(strings.TrimSuffix(rest, value), " ")
	return spaced && !strings.HasPrefix(value, "{") && nearestKey(name) == ""
}

func nearestKey(name string) string { return spelling.Nearest(strings.ToLower(name), keyNames) }

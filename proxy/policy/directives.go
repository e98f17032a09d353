package policy

import (
	"strconv"
	"strings"
)

// Directives are those of a header such as Cache-Control or Priority, in their order.
type Directives []Directive

// Directive is one directive of such a header (RFC 9111 section 5.2).
type Directive struct {
	Name     string // in lower case
	Argument string // without quotation marks; empty without one
}

// ParseDirectives appends to dst the directives of a header's lines. Where a line departs from the grammar, it errs to
// the side of the restriction: the token that an element begins with counts, so that "no-store; x" is no-store, and a
// quotation mark without its partner hides nothing. An element that begins with no token is ignored.
func ParseDirectives(dst Directives, lines []string) Directives {
	for _, line := range lines {
		for line != "" {
			var d Directive
			d, line = nextDirective(line)
			if d.Name != "" {
				dst = append(dst, d)
			}
		}
	}
	return dst
}

// nextDirective cuts the first element off a line. The name is empty when the element begins with no token.
func nextDirective(line string) (d Directive, rest string) {
	line = strings.TrimLeft(line, " \t")
	n := tokenLength(line)
	d.Name = strings.ToLower(line[:n])
	line = line[n:]
	if argument, found := strings.CutPrefix(line, "="); found && d.Name != "" {
		if text, after, quoted := cutQuoted(argument); quoted {
			d.Argument, line = text, after
		} else {
			n = tokenLength(argument)
			d.Argument, line = argument[:n], argument[n:]
		}
	}
	for line != "" { // what is left of the element
		if _, after, quoted := cutQuoted(line); quoted {
			line = after
			continue
		}
		if line[0] == ',' {
			return d, line[1:]
		}
		line = line[1:]
	}
	return d, ""
}

// cutQuoted cuts a quoted-string off the begin of a text (RFC 9110 section 5.6.4).
func cutQuoted(text string) (content, rest string, found bool) {
	if text == "" || text[0] != '"' {
		return "", "", false
	}
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return text[1:i], text[i+1:], true
		}
	}
	return "", "", false
}

// Value returns the argument of a directive, empty when it has none, and whether the directive is there. Of two with one name the first
// counts (RFC 9111 section 4.2.1).
func (c Directives) Value(name string) (text string, present bool) {
	for _, d := range c {
		if d.Name == name {
			return d.Argument, true
		}
	}
	return "", false
}

// Has tells whether a directive is there.
func (c Directives) Has(name string) bool {
	_, present := c.Value(name)
	return present
}

// appendTo writes the directives as the value of one line. An argument must be a token.
func (c Directives) appendTo(dst []byte) []byte {
	for i, d := range c {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, d.Name...)
		if d.Argument != "" {
			dst = append(append(dst, '='), d.Argument...)
		}
	}
	return dst
}

// maxSeconds is the number of seconds that stands for every greater one (RFC 9111 section 1.2.2).
const maxSeconds = 1 << 31

// ParseSeconds reads a number of seconds (RFC 9111 section 1.2.2), at most 2^31. ok is false when the text is not one.
func ParseSeconds(text string) (seconds int64, ok bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil { // it is out of range
		return maxSeconds, true
	}
	return min(n, maxSeconds), true
}

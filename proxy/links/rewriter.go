package links

import (
	"bytes"
	"strings"
)

// maxPending bounds what a rewriter keeps of a string that may turn out to be the name of a member, in bytes.
// All addresses are shorter; a longer string is taken for a value.
const maxPending = 8 << 10

// rewriter replaces the begin of string values in a JSON document that comes in pieces: a value that begins with
// from begins with to instead. Names of members, and everything else to the byte, stay as they are. A slash may be
// written as \/ (RFC 8259 section 7), and is then written so again.
//
// It does not parse. In JSON a quotation mark and the letter of a scheme beside each other are the begin of a string,
// unless a backslash stands before them; so it is enough to look for those, and at what stands around them. A document
// that is not JSON is changed at most where it looks like that.
type rewriter struct {
	from    string
	begin   []byte // a quotation mark and the begin of from, up to its first slash
	plain   []byte // to
	escaped []byte // to, with \/
	pending []byte // the undecided end of what has come
	before  byte   // what stands before pending, white space aside; zero at the begin
	found   bool   // a link has been replaced
}

func newRewriter(from, to string) *rewriter {
	scheme, _, _ := strings.Cut(from, "/")
	return &rewriter{
		from: from, begin: []byte(`"` + scheme), plain: []byte(to),
		escaped: bytes.ReplaceAll([]byte(to), []byte("/"), []byte(`\/`)),
	}
}

// rewrite appends to dst what the next piece of the document becomes.
func (l *rewriter) rewrite(dst, piece []byte) []byte {
	if len(l.pending) > 0 {
		l.pending = append(l.pending, piece...)
		piece = l.pending
	}
	copied, searched := 0, 0
	for {
		at := l.candidate(piece, searched)
		found, end := l.match(piece, at)
		switch found {
		case noLink:
			searched = at + 1
		case undecided:
			dst = append(dst, piece[copied:at]...)
			l.keep(piece, at)
			return dst
		case plainLink:
			dst = append(append(dst, piece[copied:at+1]...), l.plain...)
			copied, searched, l.found = end, end, true
		case escapedLink:
			dst = append(append(dst, piece[copied:at+1]...), l.escaped...)
			copied, searched, l.found = end, end, true
		}
	}
}

// finish appends what is pending: the document is over.
func (l *rewriter) finish(dst []byte) []byte {
	dst = append(dst, l.pending...)
	l.pending = l.pending[:0]
	return dst
}

// candidate returns where the next string begins that may be a link, or may become one when more comes; the length of
// piece when there is none. It looks for the scheme first: JSON is full of quotation marks.
func (l *rewriter) candidate(piece []byte, from int) int {
	scheme := l.begin[1:]
	for at := from + 1; at < len(piece); at++ {
		n := bytes.Index(piece[at:], scheme)
		if n < 0 {
			break
		}
		if at += n; piece[at-1] == '"' {
			return at - 1
		}
	}
	tail := max(from, len(piece)-len(l.begin)+1)
	for at := tail; at < len(piece); at++ {
		if bytes.HasPrefix(l.begin, piece[at:]) {
			return at
		}
	}
	return len(piece)
}

// match is what a string of a document is, as far as it has come.
type match int

const (
	noLink match = iota
	undecided
	plainLink
	escapedLink // its first slash is written \/
)

// match tells what the string that begins at a place is, and where the part of it ends that is replaced.
func (l *rewriter) match(piece []byte, at int) (found match, end int) {
	found, end = l.compare(piece, at+1)
	if found == noLink || found == undecided {
		return found, end
	}
	switch before := lastOf(piece[:at], l.before); before {
	case 0, ':', '[':
		return found, end
	case ',': // an element of an array, or the name of a member
		if isName, known := nameFollows(piece[end:]); isName {
			return noLink, end
		} else if !known && len(piece)-at < maxPending {
			return undecided, end
		}
		return found, end
	default:
		return noLink, end
	}
}

// compare compares a text with from, and tells where the equal part ends.
func (l *rewriter) compare(piece []byte, at int) (found match, end int) {
	if rest := piece[min(at, len(piece)):]; len(rest) >= len(l.from) && string(rest[:len(l.from)]) == l.from { // as Spotify writes it
		return plainLink, at + len(l.from)
	}
	found, slashes := plainLink, 0
	for i := range len(l.from) {
		if at < len(piece) && piece[at] == '\\' && l.from[i] == '/' {
			if slashes == 0 {
				found = escapedLink
			}
			at++
		}
		if at >= len(piece) {
			return undecided, at
		}
		if piece[at] != l.from[i] {
			return noLink, at
		}
		if l.from[i] == '/' {
			slashes++
		}
		at++
	}
	return found, at
}

// nameFollows tells whether a string, of which it gets the rest, is the name of a member, as far as that is known.
func nameFollows(rest []byte) (isName, known bool) {
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			after := bytes.TrimLeft(rest[i+1:], whiteSpace)
			return len(after) > 0 && after[0] == ':', len(after) > 0
		}
	}
	return false, false
}

// whiteSpace is JSON's.
const whiteSpace = " \t\r\n"

// lastOf returns the last byte that is not white space, or otherwise when there is none.
func lastOf(text []byte, otherwise byte) byte {
	if text = bytes.TrimRight(text, whiteSpace); len(text) > 0 {
		return text[len(text)-1]
	}
	return otherwise
}

// keep makes what comes from a place on pending, until more is known.
func (l *rewriter) keep(piece []byte, at int) {
	l.before = lastOf(piece[:at], l.before)
	l.pending = append(l.pending[:0], piece[at:]...)
}

package proxy

import (
	"bytes"
	"strings"
)

// maxHeld bounds what the link rewriter holds back of a string that may turn out to be the name of a member, in bytes.
// Below it lie all addresses; a longer one is taken for a value.
const maxHeld = 8 << 10

// linkRewriter replaces the begin of string values in a JSON document that comes in pieces: a value that begins with
// from begins with to instead. Names of members, and everything else to the byte, stay as they are. A slash may be
// written as \/ (RFC 8259 section 7), and is then written so again.
//
// It does not parse. In JSON a quotation mark and the letter of a scheme beside each other are the begin of a string,
// unless a backslash stands before them; so it is enough to look for those, and at what stands around them. A document
// that is not JSON is changed at most where it looks like that.
type linkRewriter struct {
	from    string
	begin   []byte // a quotation mark and the begin of from, up to its first slash
	plain   []byte // to
	escaped []byte // to, with \/
	held    []byte // the undecided end of what has come
	before  byte   // what stands before held, white space aside; zero at the begin
}

func newLinkRewriter(from, to string) *linkRewriter {
	scheme, _, _ := strings.Cut(from, "/")
	return &linkRewriter{
		from: from, begin: []byte(`"` + scheme), plain: []byte(to),
		escaped: bytes.ReplaceAll([]byte(to), []byte("/"), []byte(`\/`)),
	}
}

// rewrite appends to dst what the next piece of the document becomes.
func (l *linkRewriter) rewrite(dst, piece []byte) []byte {
	if len(l.held) > 0 {
		l.held = append(l.held, piece...)
		piece = l.held
	}
	copied, searched := 0, 0
	for {
		at := l.candidate(piece, searched)
		verdict, end := l.judge(piece, at)
		switch verdict {
		case noLink:
			searched = at + 1
		case undecided:
			dst = append(dst, piece[copied:at]...)
			l.hold(piece, at)
			return dst
		case plainLink:
			dst = append(append(dst, piece[copied:at+1]...), l.plain...)
			copied, searched = end, end
		case escapedLink:
			dst = append(append(dst, piece[copied:at+1]...), l.escaped...)
			copied, searched = end, end
		}
	}
}

// finish appends what was held back: the document is over.
func (l *linkRewriter) finish(dst []byte) []byte {
	dst = append(dst, l.held...)
	l.held = l.held[:0]
	return dst
}

// candidate returns where the next string begins that may be a link, or may become one when more comes; the length of
// piece when there is none. It looks for the scheme first: JSON is full of quotation marks.
func (l *linkRewriter) candidate(piece []byte, from int) int {
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

type linkVerdict int

const (
	noLink linkVerdict = iota
	undecided
	plainLink
	escapedLink // its first slash is written \/
)

// judge looks at the string that begins at a place, and tells where the part ends that is replaced.
func (l *linkRewriter) judge(piece []byte, at int) (verdict linkVerdict, end int) {
	verdict, end = l.compare(piece, at+1)
	if verdict == noLink || verdict == undecided {
		return verdict, end
	}
	switch before := lastOf(piece[:at], l.before); before {
	case 0, ':', '[':
		return verdict, end
	case ',': // an element of an array, or the name of a member
		if isName, known := nameFollows(piece[end:]); isName {
			return noLink, end
		} else if !known && len(piece)-at < maxHeld {
			return undecided, end
		}
		return verdict, end
	default:
		return noLink, end
	}
}

// compare compares a text with from, and tells where the equal part ends.
func (l *linkRewriter) compare(piece []byte, at int) (verdict linkVerdict, end int) {
	if rest := piece[min(at, len(piece)):]; len(rest) >= len(l.from) && string(rest[:len(l.from)]) == l.from { // as Spotify writes it
		return plainLink, at + len(l.from)
	}
	verdict, slashes := plainLink, 0
	for i := range len(l.from) {
		if at < len(piece) && piece[at] == '\\' && l.from[i] == '/' {
			if slashes == 0 {
				verdict = escapedLink
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
	return verdict, at
}

// nameFollows tells whether the string whose rest comes is the name of a member, as far as that is known.
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

// lastOf returns the last byte that is no white space, or otherwise when there is none.
func lastOf(text []byte, otherwise byte) byte {
	if text = bytes.TrimRight(text, whiteSpace); len(text) > 0 {
		return text[len(text)-1]
	}
	return otherwise
}

// hold keeps what comes from a place on until more is known.
func (l *linkRewriter) hold(piece []byte, at int) {
	l.before = lastOf(piece[:at], l.before)
	l.held = append(l.held[:0], piece[at:]...)
}

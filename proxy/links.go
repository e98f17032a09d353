package proxy

import "bytes"

// maxNesting bounds what the link rewriter remembers of a document. Below it links stay as they are; Spotify's answers
// are seven levels deep.
const maxNesting = 1000

// linkRewriter replaces the begin of string values in a JSON document that comes in pieces: a value that begins with
// from begins with to instead. Names of members, and everything else to the byte, stay as they are; so does a document
// that is not JSON at all. A slash may be written as \/ (RFC 8259 section 7), and is then written so again.
//
// It keeps at most one half-compared value and one flag for each open object or array.
type linkRewriter struct {
	from    string
	plain   []byte // to
	escaped []byte // to, with \/
	state   jsonState
	objects []bool // the open containers, and whether each is an object
	wantKey bool   // the next string is the name of a member
	matched int    // how much of from the value has shown so far
	held    []byte // the bytes that showed it
	slashed bool   // its first slash was written \/
}

type jsonState int

const (
	betweenStrings jsonState = iota
	inString
	inStringEscape  // behind a backslash
	comparing       // in a value that has been equal to from so far
	comparingEscape // behind a backslash in such a value
	passing         // too deep: whatever comes is passed on
)

func newLinkRewriter(from, to string) *linkRewriter {
	return &linkRewriter{
		from: from, plain: []byte(to), escaped: bytes.ReplaceAll([]byte(to), []byte("/"), []byte(`\/`)),
	}
}

// rewrite appends to dst what the next piece of the document becomes.
func (l *linkRewriter) rewrite(dst, piece []byte) []byte {
	for len(piece) > 0 {
		switch l.state {
		case betweenStrings:
			l.structure(piece[0])
			dst, piece = append(dst, piece[0]), piece[1:]
		case inString:
			n := bytes.IndexAny(piece, `"\`)
			if n < 0 {
				return append(dst, piece...)
			}
			l.state = betweenStrings
			if piece[n] == '\\' {
				l.state = inStringEscape
			}
			dst, piece = append(dst, piece[:n+1]...), piece[n+1:]
		case inStringEscape:
			l.state = inString
			dst, piece = append(dst, piece[0]), piece[1:]
		case comparing, comparingEscape:
			if !l.compare(piece[0]) { // look at the byte again, in the state that it belongs to
				dst = l.finish(dst)
				continue
			}
			piece = piece[1:]
			if l.matched == len(l.from) {
				dst = l.replace(dst)
			}
		case passing:
			return append(dst, piece...)
		}
	}
	return dst
}

// finish appends what was held back: the document, or a value that looked like a link, is over.
func (l *linkRewriter) finish(dst []byte) []byte {
	switch l.state {
	case comparing:
		l.state = inString
	case comparingEscape:
		l.state = inStringEscape
	}
	dst = append(dst, l.held...)
	l.held = l.held[:0]
	return dst
}

// structure follows the document from container to container.
func (l *linkRewriter) structure(c byte) {
	switch c {
	case '"':
		l.state = inString
		if !l.wantKey {
			l.state, l.matched, l.slashed = comparing, 0, false
		}
	case '{', '[':
		if len(l.objects) == maxNesting {
			l.state = passing
			return
		}
		l.objects = append(l.objects, c == '{')
		l.wantKey = c == '{'
	case '}', ']':
		if n := len(l.objects); n > 0 {
			l.objects = l.objects[:n-1]
		}
		l.wantKey = false
	case ',':
		n := len(l.objects)
		l.wantKey = n > 0 && l.objects[n-1]
	case ':':
		l.wantKey = false
	}
}

// compare takes one byte more if the value is still equal to from, and tells whether it is.
func (l *linkRewriter) compare(c byte) bool {
	want := l.from[l.matched]
	first := want == '/' && !bytes.ContainsRune(l.held, '/')
	switch {
	case l.state == comparing && c == '\\' && want == '/':
		l.state = comparingEscape
	case c == want: // behind a backslash only a slash is wanted
		l.slashed = l.slashed || first && l.state == comparingEscape
		l.state = comparing
		l.matched++
	default:
		return false
	}
	l.held = append(l.held, c)
	return true
}

func (l *linkRewriter) replace(dst []byte) []byte {
	l.held = l.held[:0]
	l.state = inString
	if l.slashed {
		return append(dst, l.escaped...)
	}
	return append(dst, l.plain...)
}

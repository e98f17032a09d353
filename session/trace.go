package session

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"stagedoor/internal/outcome"
)

// A trace is what the store has of a session beside its record: when it would end, or why it has ended. It outlives the record by
// traceLifetime and names no user. Traces stand in lists (see Lists), each for all sessions whose record keys begin with the same
// digits: there a trace takes some 25 bytes, and a key of its own would take more than a hundred.
//
// A trace is an explanation and no evidence: no session lives or ends by it, and nothing fails when it cannot be read or written.

const (
	// traceLifetime is how long the end of a session is remembered.
	traceLifetime = 7 * 24 * time.Hour
	// traceDigits is how many hex digits of a session's key name its list of traces.
	traceDigits = 3
	// traceSize is the length of a trace: the code, and in seconds since 1970, big-endian, when the session ends or has ended, and when
	// the trace was written.
	traceSize = 1 + 4 + 4
	// endedAll is the field that says when an operator ended all sessions, in a list of its own.
	endedAll = "all"
)

// The codes of a trace. They never change. An end is codeEnded plus its number.
const (
	codeIdle     = 0 // it lives, and ends by the idle timeout
	codeAbsolute = 1 // it lives, and ends by the maximal lifetime
	codeEnded    = 2
	codeCounted  = 0x80 // the end is in the metrics
)

// trace is a trace as it is read. The zero value is one of a session that lives.
type trace struct {
	ended   bool
	end     outcome.End // why it ended; when it lives, why it will
	counted bool
	at      time.Time // when it ends unless it is used, or when it ended
	written time.Time
}

func (t trace) encode() []byte {
	code := byte(codeIdle)
	switch {
	case t.ended:
		code = codeEnded + byte(t.end)
	case t.end == outcome.EndAbsolute:
		code = codeAbsolute
	}
	if t.counted {
		code |= codeCounted
	}
	value := binary.BigEndian.AppendUint32([]byte{code}, uint32(t.at.Unix())) //nolint:gosec // G115: until 2106
	return binary.BigEndian.AppendUint32(value, uint32(t.written.Unix()))     //nolint:gosec // G115: until 2106
}

// readTrace is the inverse of encode. It does not know a code of a later version.
func readTrace(value []byte) (t trace, known bool) {
	if len(value) != traceSize {
		return trace{}, false
	}
	t.counted = value[0]&codeCounted != 0
	switch code := value[0] &^ codeCounted; {
	case code == codeIdle:
		t.end = outcome.EndIdle
	case code == codeAbsolute:
		t.end = outcome.EndAbsolute
	case int(code-codeEnded) < len(outcome.All[outcome.End]()):
		t.ended, t.end = true, outcome.End(code-codeEnded)
	default:
		return trace{}, false
	}
	t.at = time.Unix(int64(binary.BigEndian.Uint32(value[1:])), 0)
	t.written = time.Unix(int64(binary.BigEndian.Uint32(value[5:])), 0)
	return t, true
}

// traces keeps the traces of sessions. It is safe for concurrent use.
type traces struct {
	lists Lists
	now   func() time.Time
}

// traceOf returns the list and the field of a session's trace. The field is what the handle says, in bytes.
func traceOf(handle string) (list, field string) {
	raw, _ := hex.DecodeString(handle) // a handle has hex digits
	return kindTrace + ":" + cut(handle, traceDigits), string(raw)
}

// find returns the trace of the session with a handle; found is false when there is none.
func (t *traces) find(ctx context.Context, handle string) (found trace, ok bool, err error) {
	list, field := traceOf(handle)
	lists, err := t.lists.Fields(ctx, []string{list})
	if err != nil {
		return trace{}, false, err
	}
	found, ok = readTrace(lists[0][field])
	return found, ok, nil
}

// lives writes that a session lives. It ends when it says, unless it is used before.
func (t *traces) lives(ctx context.Context, s *Session) error {
	at, why := s.idleUntil(), outcome.EndIdle
	if deadline := s.deadline(); !deadline.After(at) {
		at, why = deadline, outcome.EndAbsolute
	}
	return t.write(ctx, handleOf(s.key), trace{end: why, at: at})
}

func (t *traces) write(ctx context.Context, handle string, next trace) error {
	now := t.now()
	next.written = now
	list, field := traceOf(handle)
	return putTidily(ctx, t.lists, list, field, next.encode(), max(0, next.at.Sub(now))+traceLifetime, t.isOld)
}

// isOld tells whether a value is a trace that has been kept long enough.
func (t *traces) isOld(value []byte) bool {
	found, known := readTrace(value)
	return known && t.now().Sub(found.at) > traceLifetime
}

// allEnd writes that an operator ends all sessions that there are.
func (t *traces) allEnd(ctx context.Context) error {
	now := trace{ended: true, end: outcome.EndOperator, at: t.now(), written: t.now()}
	return t.lists.Put(ctx, kindTrace+":"+endedAll, map[string][]byte{endedAll: now.encode()}, traceLifetime)
}

// allEnded returns when an operator last ended all sessions; the zero time for never.
func (t *traces) allEnded(ctx context.Context) time.Time {
	lists, err := t.lists.Fields(ctx, []string{kindTrace + ":" + endedAll})
	if err != nil {
		return time.Time{}
	}
	last, _ := readTrace(lists[0][endedAll])
	return last.at
}

// isHandle reports whether a text looks like a handle.
func isHandle(text string) bool {
	return len(text) == handleSize && strings.Trim(text, "0123456789abcdef") == ""
}

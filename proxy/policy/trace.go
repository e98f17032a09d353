package policy

import (
	"net/http"
	"strings"
)

// The parts of a traceparent, in characters (https://www.w3.org/TR/trace-context/#traceparent-header-field-values):
// version-traceid-parentid-flags.
const (
	traceIDBegin    = 3
	traceIDEnd      = traceIDBegin + 32
	parentIDEnd     = traceIDEnd + 1 + 16
	traceparentSize = parentIDEnd + 1 + 2
)

// TraceID is the trace that the request belongs to; "" without one, or when the header is not as W3C has it. A version that
// is not known yet may say more at the end.
func TraceID(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 || len(values[0]) < traceparentSize {
		return ""
	}
	text := values[0]
	version, id, parent, flags := text[:2], text[traceIDBegin:traceIDEnd], text[traceIDEnd+1:parentIDEnd], text[parentIDEnd+1:traceparentSize]
	rest := text[traceparentSize:]
	switch {
	case text[2] != '-' || text[traceIDEnd] != '-' || text[parentIDEnd] != '-':
	case !isLowerHex(version) || !isLowerHex(id) || !isLowerHex(parent) || !isLowerHex(flags):
	case version == "ff" || strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "":
	case version == "00" && rest != "" || rest != "" && rest[0] != '-':
	default:
		return id
	}
	return ""
}

func isLowerHex(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

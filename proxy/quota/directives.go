package quota

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// directives are what Cache-Control says (RFC 9111 section 5.2), in a request or in an answer. Unknown directives are
// ignored. A time that is present and cannot be read counts as zero, so that nothing is fresh by mistake (section 4.2.1).
type directives struct {
	noStore, noCache, mustRevalidate, onlyIfCached bool
	maxAge, minFresh                               time.Duration // -1 when absent
	maxStale                                       time.Duration // -1 when absent; anyAge without a value
}

// anyAge is the value of a max-stale without one.
const anyAge = time.Duration(1<<63 - 1)

// parseDirectives reads the fields of a header. In a request, "Pragma: no-cache" counts where there is no Cache-Control
// (RFC 9111 section 5.4).
func parseDirectives(h http.Header) directives {
	d := directives{maxAge: -1, minFresh: -1, maxStale: -1}
	lines := h["Cache-Control"]
	for _, line := range lines {
		for name, value := range splitDirectives(line) {
			d.add(strings.ToLower(name), value)
		}
	}
	if len(lines) == 0 {
		for _, line := range h["Pragma"] {
			d.noCache = d.noCache || strings.Contains(strings.ToLower(line), "no-cache")
		}
	}
	return d
}

func (d *directives) add(name, value string) {
	switch name {
	case "no-store":
		d.noStore = true
	case "no-cache": // also with a list of fields: a cache may take it for the plain one (section 5.2.2.4)
		d.noCache = true
	case "must-revalidate":
		d.mustRevalidate = true
	case "only-if-cached":
		d.onlyIfCached = true
	case "max-age": // the smallest of several
		d.maxAge = smaller(d.maxAge, deltaSeconds(value))
	case "min-fresh":
		d.minFresh = max(d.minFresh, deltaSeconds(value))
	case "max-stale":
		if value == "" {
			d.maxStale = anyAge
			return
		}
		d.maxStale = smaller(d.maxStale, deltaSeconds(value))
	}
}

func smaller(known, next time.Duration) time.Duration {
	if known < 0 {
		return next
	}
	return min(known, next)
}

// maxDelta is what a number of seconds that is too large counts as (RFC 9111 section 1.2.2).
const maxDelta = 1 << 31

// deltaSeconds reads a number of seconds; what is none counts as zero.
func deltaSeconds(value string) time.Duration {
	seconds, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		if strings.Trim(value, "0123456789") != "" || value == "" {
			return 0
		}
		seconds = maxDelta // out of range
	}
	return time.Duration(min(seconds, maxDelta)) * time.Second
}

// splitDirectives yields the directives of one Cache-Control field: name, and value without its quotation marks. A comma
// inside a quoted string separates nothing (RFC 9110 section 5.6.4).
func splitDirectives(line string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for line != "" {
			end, quoted := 0, false
			for ; end < len(line) && (quoted || line[end] != ','); end++ {
				switch {
				case line[end] == '"':
					quoted = !quoted
				case quoted && line[end] == '\\':
					end++
				}
			}
			directive := line[:min(end, len(line))]
			line = line[min(end+1, len(line)):]
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			value = strings.TrimSpace(value)
			if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			if name = strings.TrimSpace(name); name != "" && !yield(name, value) {
				return
			}
		}
	}
}

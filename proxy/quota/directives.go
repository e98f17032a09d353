package quota

import (
	"net/http"
	"strings"
	"time"

	"stagedoor/proxy/policy"
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
	var buffer [8]policy.Directive
	for _, said := range policy.ParseDirectives(buffer[:0], lines) {
		d.add(said.Name, said.Argument)
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

// deltaSeconds reads a number of seconds; what is not one counts as zero.
func deltaSeconds(value string) time.Duration {
	seconds, _ := policy.ParseSeconds(value)
	return time.Duration(seconds) * time.Second
}

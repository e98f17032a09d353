package proxy

import (
	"strconv"
	"strings"
)

// chooseCoding returns which of the content codings on offer a client likes best (RFC 9110 section 12.5.3), of equal ones the
// first; empty when it wants the content as it is, or does not say.
func chooseCoding(acceptEncoding, offered []string) string {
	best, most := "", max(weightOf(acceptEncoding, "identity"), 0)
	for _, coding := range offered {
		weight := weightOf(acceptEncoding, coding)
		if weight < 0 {
			weight = weightOf(acceptEncoding, "*")
		}
		if weight > most || best == "" && weight == most && weight > 0 {
			best, most = coding, weight
		}
	}
	return best
}

// weightOf returns the weight of a coding, 0 to 1; negative when it is not listed. A weight that is none is 0.
func weightOf(fields []string, coding string) float64 {
	for _, line := range fields {
		for element := range strings.SplitSeq(line, ",") {
			name, parameter, _ := strings.Cut(element, ";")
			name = strings.ToLower(strings.Trim(name, " \t"))
			if name != coding && (name != "x-gzip" || coding != "gzip") { // section 8.4.1.3
				continue
			}
			parameter = strings.ToLower(strings.Trim(parameter, " \t"))
			if parameter == "" {
				return 1
			}
			weight, err := strconv.ParseFloat(strings.TrimPrefix(parameter, "q="), 64)
			if err != nil || !(weight >= 0 && weight <= 1) {
				return 0
			}
			return weight
		}
	}
	return -1
}

package policy

import (
	"strconv"
	"strings"
)

// ChooseCoding returns which of the content codings on offer a client likes best (RFC 9110 section 12.5.3), of equal ones the
// first; empty when it wants the content as it is, or does not say.
func ChooseCoding(acceptEncoding, offered []string) string {
	best, most := "", max(weightOf(acceptEncoding, "identity"), 0)
	for _, coding := range offered {
		weight := weightOrAny(acceptEncoding, coding)
		if weight > most || best == "" && weight == most && weight > 0 {
			best, most = coding, weight
		}
	}
	return best
}

// TakesGzip tells whether an Accept-Encoding (RFC 9110 section 12.5.3) gives gzip, or failing that *, a weight above zero.
func TakesGzip(acceptEncoding []string) bool { return weightOrAny(acceptEncoding, "gzip") > 0 }

// weightOrAny returns the weight of a coding, or that of * where the coding is not listed.
func weightOrAny(fields []string, coding string) float64 {
	if weight := weightOf(fields, coding); weight >= 0 {
		return weight
	}
	return weightOf(fields, "*")
}

// weightOf returns the weight of a coding, 0 to 1; negative when it is not listed. An invalid weight is 0.
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

// IsGzip tells whether a Content-Encoding is gzip and nothing else.
func IsGzip(encoding string) bool {
	return strings.EqualFold(encoding, "gzip") || strings.EqualFold(encoding, "x-gzip")
}

// HasCoding tells whether the Content-Encoding of a request (RFC 9110 section 8.4) names any coding. An empty element of the
// list says nothing.
func HasCoding(contentEncoding []string) bool {
	for _, field := range contentEncoding {
		for coding := range strings.SplitSeq(field, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
				return true
			}
		}
	}
	return false
}

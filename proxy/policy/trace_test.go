package policy

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	traceOfTest = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceOfTest + "-00f067aa0ba902b7-01"
)

func TestTraceID(t *testing.T) {
	for name, c := range map[string]struct {
		values []string
		want   string
	}{
		"as it should be":     {[]string{traceparent}, traceOfTest},
		"a later version":     {[]string{"01" + traceparent[2:] + "-more"}, traceOfTest},
		"none":                {nil, ""},
		"two":                 {[]string{traceparent, traceparent}, ""},
		"empty":               {[]string{""}, ""},
		"short":               {[]string{traceparent[:54]}, ""},
		"long":                {[]string{traceparent + "-more"}, ""},
		"long and later":      {[]string{"01" + traceparent[2:] + "more"}, ""},
		"version ff":          {[]string{"ff" + traceparent[2:]}, ""},
		"capitals":            {[]string{strings.ToUpper(traceparent)}, ""},
		"no trace":            {[]string{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, ""},
		"no parent":           {[]string{"00-" + traceOfTest + "-0000000000000000-01"}, ""},
		"other separators":    {[]string{strings.ReplaceAll(traceparent, "-", "_")}, ""},
		"something in the id": {[]string{strings.Replace(traceparent, "4bf9", "\x1b[2J", 1)}, ""},
		"bad flags":           {[]string{traceparent[:53] + "0g"}, ""},
	} {
		if got := TraceID(http.Header{"Traceparent": c.values}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// goodTraceparent is what a traceparent may be (https://www.w3.org/TR/trace-context/#traceparent-header-field-values).
var goodTraceparent = regexp.MustCompile(`^(?:00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}|([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-(?s:.*))?)$`)

// FuzzTraceID compares with an expression of the grammar.
func FuzzTraceID(f *testing.F) {
	for _, text := range []string{
		traceparent, "01" + traceparent[2:] + "-more", "ff" + traceparent[2:], traceparent + "-", "", "00--" + traceOfTest + "\n",
		strings.ToUpper(traceparent), "00-" + strings.Repeat("0", 32) + traceparent[35:], traceparent[:36] + strings.Repeat("0", 16) + "-01",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := ""
		if parts := goodTraceparent.FindStringSubmatch(text); parts != nil {
			id, parent := parts[1]+parts[4], parts[2]+parts[5]
			known := parts[3] != "ff" && (parts[3] != "00" || len(text) == len(traceparent))
			if known && strings.Trim(id, "0") != "" && strings.Trim(parent, "0") != "" {
				want = id
			}
		}
		if got := TraceID(http.Header{"Traceparent": {text}}); got != want {
			t.Errorf("%q is of the trace %q, want %q", text, got, want)
		}
	})
}

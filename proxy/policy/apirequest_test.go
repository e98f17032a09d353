package policy

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// FuzzAPIRequest sends one header of a client's choice. Spotify must learn of nothing but what it is asked for.
func FuzzAPIRequest(f *testing.F) {
	for _, name := range []string{
		"Accept", "Cookie", "Authorization", "User-Agent", "Via", "X-Forwarded-For", "Range", "Traceparent", "Content-Length", "Transfer-Encoding",
		"X-Http-Method-Override", "accept", "Accept ", "Idempotency-Key", "Accept-Encoding", "Expect", "Upgrade",
	} {
		f.Add(name, "x")
	}
	f.Add("Accept-Encoding", "gzip;q=0, *")
	passed := []string{"Accept", "Accept-Language", "Content-Type", "If-Modified-Since", "If-None-Match", "Range", "Traceparent", "Tracestate"}
	f.Fuzz(func(t *testing.T, name, value string) {
		header := APIRequestHeader(http.Header{name: {value}}, []string{"stagedoor/1"})
		for got, lines := range maps.All(header) {
			ours := got == "User-Agent" && lines[0] == "stagedoor/1" || got == "Via" && lines[0] == "1.1 stagedoor" ||
				got == "Accept-Encoding" && (lines[0] == "gzip" || lines[0] == "identity")
			if len(lines) != 1 || !ours && (!slices.Contains(passed, got) || got != name || lines[0] != value) {
				t.Errorf("%q: %q became %q: %q", name, value, got, lines)
			}
		}
	})
}

// FuzzSeconds compares with what a person would read.
func FuzzSeconds(f *testing.F) {
	for _, text := range []string{"", "0", "007", "60", "2147483647", "2147483648", "4294967296", "99999999999999999999", "-1", "+1", "1.5", " 1", "1 ", "٣", "1e3", "0x1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seconds, ok := ParseSeconds(text)
		digits := text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if ok != digits || !ok && seconds != 0 || seconds < 0 || seconds > 1<<31 {
			t.Fatalf("%q is %d, %t", text, seconds, ok)
		}
		want := int64(0)
		for _, digit := range text {
			if want = want*10 + int64(digit-'0'); want > 1<<31 {
				want = 1 << 31
			}
		}
		if ok && seconds != want {
			t.Errorf("%q is %d, want %d", text, seconds, want)
		}
	})
}

package policy

import (
	"net/http"
	"strings"
	"testing"
)

// FuzzSandbox reads content types as browsers do (Fetch standard, "extract a MIME type"). What is not sandboxed must be
// JSON to them, too.
func FuzzSandbox(f *testing.F) {
	for _, kind := range []string{
		"application/json", "application/json;charset=utf-8", "Application/JSON ; charset=\"utf-8\"", "application/problem+json", "text/html",
		"application/json, text/html", "application/json;charset=utf-8,text/html", `application/json;a="x,text/html`, `application/json;a="\", text/html;"`,
		"application/json;,text/html", "application/json text/html", "\tapplication/json", "application/json\x0c", "application/json;a=b;a=c", "image/svg+xml", "text/html;+json",
		"text/html+json", "/json", "application/json,", "application/json;a=\"\\", "*/*+json",
	} {
		f.Add(kind, "")
	}
	f.Add("application/json", "text/html")
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Content-Type": {first}}
		if second != "" {
			h.Add("Content-Type", second)
		}
		if MayBePage(http.StatusOK, h) {
			return
		}
		kind := browserType(strings.Join(h["Content-Type"], ", "))
		if kind != "application/json" && !strings.HasSuffix(kind, "+json") {
			t.Errorf("%q and %q are %q to a browser", first, second, kind)
		}
	})
}

// browserType returns the essence of the last type in a header that is one.
func browserType(header string) string {
	last := ""
	for _, part := range splitOutsideQuotes(header) {
		essence, _, _ := strings.Cut(part, ";")
		essence = strings.ToLower(strings.Trim(essence, " \t\r\n"))
		kind, subtype, found := strings.Cut(essence, "/")
		if found && isTokenText(kind) && isTokenText(subtype) && essence != "*/*" {
			last = essence
		}
	}
	return last
}

func isTokenText(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// splitOutsideQuotes is the Fetch standard's "get, decode, and split".
func splitOutsideQuotes(header string) []string {
	var parts []string
	begin, quoted := 0, false
	for i := 0; i < len(header); i++ {
		switch {
		case quoted && header[i] == '\\':
			i++
		case header[i] == '"':
			quoted = !quoted
		case header[i] == ',' && !quoted:
			parts = append(parts, header[begin:i])
			begin = i + 1
		}
	}
	return append(parts, header[begin:])
}

package links

import (
	"net/url"
	"strings"
	"testing"
)

// tracksJSON is an answer of about 2 KB with a few links.
var tracksJSON = `{"items":[` + strings.TrimSuffix(strings.Repeat(
	`{"href":"https://api.spotify.com/v1/tracks/11dFghVXANMlKmJXsNCbNl","name":"Cut To The Feeling","duration_ms":207959,`+
		`"uri":"spotify:track:11dFghVXANMlKmJXsNCbNl","external_urls":{"spotify":"https://open.spotify.com/track/11dF"}},`, 9), ",") + `]}`

// BenchmarkLinks rewrites a page of 50 KB.
func BenchmarkLinks(b *testing.B) {
	page := []byte(strings.Repeat(tracksJSON, 25))
	m := NewMap(&url.URL{Scheme: "https", Host: "api.spotify.com", Path: "/v1"}, &url.URL{Scheme: "https", Host: "app.example"}, "/api")
	var out []byte
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		out = m.newDocument().rewrite(out[:0], page)
	}
}

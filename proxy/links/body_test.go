package links

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"testing/iotest"

	"stagedoor/proxy/proxytest"
)

// FuzzZippedLinks unzips, rewrites and zips a body that comes in pieces, and compares it with the same done at once. What
// cannot be unzipped to its end must not look whole. With zip the body is gzip of raw, else raw itself.
func FuzzZippedLinks(f *testing.F) {
	for _, c := range linkDocuments {
		f.Add([]byte(c.in), true, 3)
	}
	whole := proxytest.Gzip(`{"href":"https://api.example/v1/me"}`)
	for _, raw := range [][]byte{
		whole, whole[:len(whole)-1], whole[:10], whole[:2], append(bytes.Clone(whole), whole...), append(bytes.Clone(whole), 0),
		{}, {0x1f}, {0x1f, 0x8b}, []byte("\x1f\x8b\x08\x04\xff\xff"), []byte(`{"a":"https://api.example/v1/x"}`),
	} {
		f.Add(raw, false, 1)
	}
	f.Fuzz(func(t *testing.T, raw []byte, zip bool, size int) {
		if zip {
			raw = proxytest.Gzip(string(raw))
		}
		want, wantErr := rewrittenAtOnce(raw)
		source := io.Reader(bytes.NewReader(raw))
		switch {
		case size <= 1:
			source = iotest.OneByteReader(source)
		case size < 100:
			source = iotest.HalfReader(source)
		}
		body := newBody(io.NopCloser(source), newRewriter(testFrom, testTo), true)
		got, err := io.ReadAll(body)
		if closeErr := body.Close(); closeErr != nil {
			t.Error(closeErr)
		}
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q ended with %v, and at once with %v", raw, err, wantErr)
		}
		if err != nil {
			return
		}
		if isZipped(raw) {
			got = []byte(proxytest.Gunzip(string(got)))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	})
}

// FuzzWholeLinks does so with RewriteWhole. What has no link stays as it was, to the byte.
func FuzzWholeLinks(f *testing.F) {
	for _, c := range linkDocuments {
		f.Add([]byte(c.in), true)
		f.Add([]byte(c.in), false)
	}
	api, public := &url.URL{Scheme: "https", Host: "api.example", Path: "/v1"}, &url.URL{Scheme: "https", Host: "app.example"}
	links := NewMap(api, public, "/api")
	f.Fuzz(func(t *testing.T, raw []byte, zip bool) {
		if zip {
			raw = proxytest.Gzip(string(raw))
		}
		want, wantErr := rewrittenAtOnce(raw)
		request := &http.Request{Method: http.MethodGet, Header: http.Header{"Accept-Encoding": {"gzip"}}}
		res := &http.Response{
			StatusCode: http.StatusOK, Request: request, Body: io.NopCloser(bytes.NewReader(raw)), ContentLength: -1,
			Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}, "Digest": {"of raw"}},
		}
		err := links.RewriteWhole(res, raw)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q ended with %v, want %v", raw, err, wantErr)
		}
		if err != nil {
			return
		}
		got, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			t.Error(err)
		}
		if res.Header.Get("Digest") != "" && !bytes.Equal(got, raw) {
			t.Errorf("%q became %q, with its digest", raw, got)
		}
		if isZipped(raw) {
			got = []byte(proxytest.Gunzip(string(got)))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%q became %q, want %q", raw, got, want)
		}
	})
}

// rewrittenAtOnce is what a body becomes: gzip is unzipped, anything else is taken as it is.
func rewrittenAtOnce(raw []byte) ([]byte, error) {
	plain := raw
	if isZipped(raw) {
		unzip, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			return nil, err
		}
		if plain, err = io.ReadAll(unzip); err != nil {
			return nil, err
		}
	}
	links := newRewriter(testFrom, testTo)
	return links.finish(links.rewrite(nil, plain)), nil
}

// FuzzLocation maps a redirect of Spotify's: it leads to the gateway's route, as a browser reads it, or nowhere.
func FuzzLocation(f *testing.F) {
	for _, location := range []string{
		"", "/v1/me", "me", "https://api.example/v1/me?a=b#c", "//evil.example/v1", "/v1/../x", "/v1/%2e%2e/x", "/v1/.%2E/x", "/v1\\..\\x", "/v1/%5c..", "/v1/a;b",
		"https://api.example@evil.example/v1/me", "https://api.example:443/v1/me", "HTTPS://API.EXAMPLE/v1/me", "/v1/\t../x", "javascript:alert(1)", "?a=b", "#c",
		"/v1?a=b", "/v1/\u2025/x", "/v1/%00", "/v1/%ff",
	} {
		f.Add(location)
	}
	api, public := &url.URL{Scheme: "https", Host: "api.example", Path: "/v1"}, &url.URL{Scheme: "https", Host: "app.example"}
	links := NewMap(api, public, "/api")
	f.Fuzz(func(t *testing.T, location string) {
		from := &http.Request{URL: api.JoinPath("me")}
		res := &http.Response{Header: http.Header{"Location": {location}}, Request: from}
		links.MapLocation(res)
		got := res.Header.Get("Location")
		if got == "" {
			return
		}
		rest, ours := strings.CutPrefix(got, "https://app.example/api")
		if end := strings.IndexAny(rest, "?#"); end >= 0 {
			rest = rest[:end]
		}
		decoded, err := url.PathUnescape(rest)
		if !ours || err != nil || rest != "" && rest[0] != '/' || strings.ContainsAny(got, "\t\r\n") || strings.Contains(decoded, `\`) ||
			decoded != "" && decoded != "/" && path.Clean(decoded) != decoded {
			t.Errorf("%q leads to %q", location, got)
		}
	})
}

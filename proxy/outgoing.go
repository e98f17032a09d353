package proxy

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// passedHeaders are all that Spotify learns of a client's own headers. The length of a body is beside them.
var passedHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "If-None-Match", "If-Modified-Since", "Range", "Traceparent", "Tracestate",
}

// outgoing builds the request that goes to Spotify, from nothing: what is not put in here does not leave, trailers and
// protocol switches among it. Authorization is written at the very end; see replayer.
func outgoing(r *http.Request, c *call, agent string) *http.Request {
	header := make(http.Header, len(passedHeaders)+3)
	for _, name := range passedHeaders {
		if values, present := r.Header[name]; present {
			header[name] = values
		}
	}
	header.Set("User-Agent", agent)
	header.Set("Via", "1.1 stagedoor")
	header.Set("Accept-Encoding", "identity")
	if takesGzip(r.Header["Accept-Encoding"]) {
		header.Set("Accept-Encoding", "gzip")
	}
	out := &http.Request{
		Method: r.Method, URL: c.target, Host: c.target.Host, Header: header,
		Body: c.body.reader(), ContentLength: c.body.length,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
	}
	return out.WithContext(context.WithValue(r.Context(), callKey{}, c))
}

// target is where a request to this route goes: the API's base and the path below the route's prefix, which is encoded
// anew from what was judged.
func (a *apiRoute) target(in *url.URL) *url.URL {
	return &url.URL{
		Scheme: a.api.Scheme, Host: a.api.Host, Path: a.api.Path + strings.TrimPrefix(in.Path, a.prefix),
		RawQuery: withoutAccessToken(in.RawQuery), ForceQuery: in.ForceQuery,
	}
}

// withoutAccessToken returns the query as it is, minus every access_token parameter (RFC 6750 section 2.3): a token in
// a URL ends up in logs, and one beside our header would be a second credential. Some servers also separate
// parameters by semicolons.
func withoutAccessToken(query string) string {
	var kept strings.Builder
	begun := false
	for separator, rest := "", query; ; {
		end := strings.IndexAny(rest, "&;")
		parameter := rest
		if end >= 0 {
			parameter = rest[:end]
		}
		if !isAccessToken(parameter) {
			if begun {
				kept.WriteString(separator)
			}
			kept.WriteString(parameter)
			begun = true
		}
		if end < 0 {
			return kept.String()
		}
		separator, rest = rest[end:end+1], rest[end+1:]
	}
}

func isAccessToken(parameter string) bool {
	name, _, _ := strings.Cut(parameter, "=")
	return strings.EqualFold(strings.TrimSpace(unescapeLeniently(name)), "access_token")
}

// unescapeLeniently decodes what can be decoded and leaves the rest, as forgiving servers do.
func unescapeLeniently(s string) string {
	var decoded strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '+':
			decoded.WriteByte(' ')
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			c, _ := strconv.ParseUint(s[i+1:i+3], 16, 8) // two hex digits always parse
			decoded.WriteByte(byte(c))
			i += 2
		default:
			decoded.WriteByte(s[i])
		}
	}
	return decoded.String()
}

// takesGzip reads Accept-Encoding (RFC 9110 section 12.5.3): gzip with a weight above zero, or failing that *.
func takesGzip(fields []string) bool {
	any := false
	for coding := range strings.SplitSeq(strings.Join(fields, ","), ",") {
		name, parameters, _ := strings.Cut(coding, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			return weighs(parameters)
		case "*":
			any = weighs(parameters)
		}
	}
	return any
}

// weighs tells whether a coding's parameters leave it a weight above zero.
func weighs(parameters string) bool {
	name, value, found := strings.Cut(strings.TrimSpace(parameters), "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return true
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return err == nil && q > 0
}

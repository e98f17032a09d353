package proxy

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"stagedoor/httperror"
)

// passedHeaders are all that Spotify learns of a client's own headers. The length of a body is beside them.
var passedHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "If-None-Match", "If-Modified-Since", "Range", "Traceparent", "Tracestate",
}

// usuallyPassed is how many headers seldom are exceeded, those that are ours included. A map of more costs twice as much.
const usuallyPassed = 8

// Values of headers that are the same for all requests, so that none need be made for each.
var (
	viaUs    = []string{"1.1 stagedoor"}
	gzipOnly = []string{"gzip"}
	unzipped = []string{"identity"}
)

// passed builds the header that goes to Spotify, from nothing. Authorization is written at the very end; see replayer.
func (a *apiRoute) passed(r *http.Request) http.Header {
	header := make(http.Header, usuallyPassed)
	for _, name := range passedHeaders {
		if values, present := r.Header[name]; present {
			header[name] = values
		}
	}
	header["User-Agent"], header["Via"], header["Accept-Encoding"] = a.agent, viaUs, unzipped
	if takesGzip(r.Header["Accept-Encoding"]) {
		header["Accept-Encoding"] = gzipOnly
	}
	return header
}

// outgoing builds the request that goes to Spotify, from nothing: what is not put in here does not leave, trailers and
// protocol switches among it. Its header is added by rewriteCall, when the reverse proxy has made its own copy.
func outgoing(r *http.Request, c *call) *http.Request {
	body, _ := c.body.reader() // the first one never fails
	out := &http.Request{
		Method: r.Method, URL: c.target, Host: c.target.Host, Body: body, ContentLength: c.body.length,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
	}
	if body != http.NoBody {
		out.GetBody = c.body.reader
	}
	return out.WithContext(r.Context())
}

// target is where a request to this route goes: the API's base and the checked path.
func (a *apiRoute) target(path apiPath, in *url.URL) *url.URL {
	return &url.URL{
		Scheme: a.api.Scheme, Host: a.api.Host, Path: a.api.Path + path.decoded, RawPath: a.api.EscapedPath() + path.escaped,
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
	if !strings.ContainsAny(s, "+%") {
		return s
	}
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

// checkCoding rejects a request whose body has a content coding (RFC 9110 section 8.4): the header does not pass, and without
// it the body is something else. An empty element of the list says nothing.
func checkCoding(fields []string) error {
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
				coded := httperror.New(httperror.InvalidRequest,
					"A request body with a Content-Encoding does not pass here. Send it as it is, without the header.", nil)
				coded.Status = http.StatusUnsupportedMediaType
				return coded
			}
		}
	}
	return nil
}

// takesGzip reads Accept-Encoding (RFC 9110 section 12.5.3): gzip with a weight above zero, or failing that *.
func takesGzip(fields []string) bool {
	any := false
	for _, field := range fields {
		for coding := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(coding, ";")
			name = strings.TrimSpace(name)
			switch {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				return weighs(parameters)
			case name == "*":
				any = weighs(parameters)
			}
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

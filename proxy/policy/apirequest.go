package policy

import "net/http"

// passedHeaders are all that Spotify learns of a client's own headers. The length of a body is beside them.
var passedHeaders = []string{
	"Accept", "Accept-Language", "Content-Type", "If-None-Match", "If-Modified-Since", "Range", "Traceparent", "Tracestate",
}

// usualHeaders is how many headers a request to Spotify seldom exceeds. A map of more costs twice as much.
const usualHeaders = 8

// Values of headers that are the same for all requests, so that none need be made for each.
var (
	viaUs    = []string{"1.1 stagedoor"}
	gzipOnly = []string{"gzip"}
	unzipped = []string{"identity"}
)

// APIRequestHeader builds the header that goes to Spotify, from nothing, but for Authorization: what of the client's header may
// pass, and the gateway's own. Callers must not modify its values.
func APIRequestHeader(client http.Header, userAgent []string) http.Header {
	header := make(http.Header, usualHeaders)
	for _, name := range passedHeaders {
		if values, present := client[name]; present {
			header[name] = values
		}
	}
	header["User-Agent"], header["Via"], header["Accept-Encoding"] = userAgent, viaUs, unzipped
	if TakesGzip(client["Accept-Encoding"]) {
		header["Accept-Encoding"] = gzipOnly
	}
	return header
}

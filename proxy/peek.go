package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"stagedoor/proxy/policy"
)

// maxPeek is how much of an error's body is read in order to understand it, in bytes.
const maxPeek = 64 << 10

// spotifyError is what an error answer of Spotify's says.
type spotifyError struct {
	Message string `json:"message"`
	Reason  string `json:"reason"` // such as QUOTA_EXCEEDED; most have none
}

// peekMessage returns the message of an error answer of Spotify's, or its text. The body is as unread as before, to the
// byte.
func peekMessage(res *http.Response) string { return peekError(res).Message }

func peekError(res *http.Response) spotifyError {
	seen, _ := io.ReadAll(io.LimitReader(res.Body, maxPeek)) // a read that fails will fail again for who reads on
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(seen), res.Body), res.Body}
	return errorIn(plain(seen, res.Header.Get("Content-Encoding")))
}

// plain undoes gzip, as far as it goes.
func plain(body []byte, encoding string) []byte {
	if !policy.IsGzip(encoding) {
		return body
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	text, _ := io.ReadAll(io.LimitReader(unzipped, maxPeek)) // what could be read is what there is to go by
	return text
}

// errorIn reads {"error":{"message":…}}, which is the Web API's shape, {"error":"…"}, which is OAuth's, or takes the
// text as it is.
func errorIn(body []byte) spotifyError {
	var wire struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &wire) != nil {
		return spotifyError{Message: strings.TrimSpace(string(body))}
	}
	var said spotifyError
	var code string
	if json.Unmarshal(wire.Error, &said) != nil && json.Unmarshal(wire.Error, &code) == nil {
		return spotifyError{Message: code}
	}
	return said
}

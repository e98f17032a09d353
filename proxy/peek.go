package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// maxPeek is how much of an error's body is read in order to understand it, in bytes.
const maxPeek = 64 << 10

// peekMessage returns what an error answer of Spotify's says: the message of its JSON, or its text. The body is as
// unread as before, to the byte.
func peekMessage(res *http.Response) string {
	seen, _ := io.ReadAll(io.LimitReader(res.Body, maxPeek)) // a read that fails will fail again for who reads on
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(seen), res.Body), res.Body}
	return messageIn(plain(seen, res.Header.Get("Content-Encoding")))
}

// plain undoes gzip, as far as it goes.
func plain(body []byte, encoding string) []byte {
	if !isGzip(encoding) {
		return body
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	text, _ := io.ReadAll(io.LimitReader(unzipped, maxPeek)) // what could be read is what there is to go by
	return text
}

// messageIn reads {"error":{"message":…}}, which is the Web API's shape, {"error":"…"}, which is OAuth's, or takes the
// text as it is.
func messageIn(body []byte) string {
	var wire struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &wire) != nil {
		return strings.TrimSpace(string(body))
	}
	var spotify struct {
		Message string `json:"message"`
	}
	var code string
	if json.Unmarshal(wire.Error, &spotify) != nil && json.Unmarshal(wire.Error, &code) == nil {
		return code
	}
	return spotify.Message
}

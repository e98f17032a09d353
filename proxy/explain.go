package proxy

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"

	"stagedoor/internal/httperror"
	"stagedoor/internal/webapi"
	"stagedoor/proxy/policy"
)

// maxKeptMessage bounds a message of Spotify's that is repeated in an answer of ours, in bytes.
const maxKeptMessage = 300

// explainForbidden turns the two 403 that a user can do something about into answers that say what: a user who is not on the
// app's list, and a scope that was not granted. It returns nil for any other, and the body stays as it was; and for a call
// on behalf of the app or a shared account, where no login helps.
func (a *apiRoute) explainForbidden(res *http.Response) error {
	ctx := res.Request.Context()
	c := callOf(ctx)
	if res.StatusCode != http.StatusForbidden || !c.session.IsUser() {
		return nil
	}
	message := peekMessage(res)
	if rejection := httperror.UserNotListed(message); rejection != nil {
		return rejection
	}
	if !policy.ContainsFold(message, "insufficient client scope") && !challengesScope(res) {
		return nil
	}
	missing := missingScopes(res.Request.Method, strings.TrimPrefix(res.Request.URL.Path, a.api.Path), c.token.Scopes)
	kept := strings.ToValidUTF8(bounded(message, maxKeptMessage), "")
	return httperror.StepUp(exchangeOf(ctx).request, a.public, a.allowed, kept, missing)
}

// challengesScope tells whether a 403 names the scope as its cause as RFC 6750 section 3.1 has it.
func challengesScope(res *http.Response) bool {
	return slices.ContainsFunc(res.Header["Www-Authenticate"], func(c string) bool { return policy.ContainsFold(c, "insufficient_scope") })
}

// missingScopes are those of an operation that were not granted; none when the operation is unknown.
func missingScopes(method, path string, granted []string) []string {
	operation, known := webapi.Find(method, path)
	if !known {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(operation.Scopes), func(scope string) bool { return slices.Contains(granted, scope) })
}

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
	seen, _ := io.ReadAll(io.LimitReader(res.Body, maxPeek)) // a read that fails will fail again for the next reader
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

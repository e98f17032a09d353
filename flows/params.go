package flows

import (
	"fmt"
	"net/http"
	"net/url"

	"stagedoor/internal/httperror"
)

// params reads the query strictly: each of the named parameters at most once (RFC 6749 section 3.1).
func params(r *http.Request, names ...string) (url.Values, error) {
	return once(r.URL.RawQuery, names...)
}

// once reads form-encoded values. Values in which two programs could read two things are rejected.
func once(encoded string, names ...string) (url.Values, error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, httperror.New(httperror.InvalidRequest, "The parameters of this request cannot be read. Begin again.", err)
	}
	return values, atMostOnce(values, names...)
}

func atMostOnce(values url.Values, names ...string) error {
	for _, name := range names {
		if len(values[name]) > 1 {
			return httperror.New(httperror.InvalidRequest,
				fmt.Sprintf("The parameter %s is there more than once. Begin again.", name), nil)
		}
	}
	return nil
}

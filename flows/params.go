package flows

import (
	"fmt"
	"net/http"
	"net/url"

	"stagedoor/httperror"
)

// params reads the query strictly: each of the named parameters at most once (RFC 6749 section 3.1). A query in which two
// programs could read two things is refused.
func params(r *http.Request, names ...string) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, httperror.New(httperror.InvalidRequest, "The query of this address cannot be read. Begin again.", err)
	}
	for _, name := range names {
		if len(query[name]) > 1 {
			return nil, httperror.New(httperror.InvalidRequest,
				fmt.Sprintf("The parameter %s is there more than once. Begin again.", name), nil)
		}
	}
	return query, nil
}

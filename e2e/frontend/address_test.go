package frontend

import (
	"net/url"
	"testing"

	"stagedoor/session/sessiontest"
)

// frontendURL is a free address for a frontend's server.
func frontendURL(t *testing.T) *url.URL {
	t.Helper()
	return &url.URL{Scheme: "http", Host: sessiontest.FreeAddress(t)}
}

package stage

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Still serves the operator's page as it is now, and returns its address: the page itself comes anew every ten seconds, also while a
// test looks at it.
func Still(t testing.TB, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	page, err := io.ReadAll(response.Body)
	if err != nil || response.Header.Get("Refresh") == "" {
		t.Fatalf("%s does not come anew: %v", address, err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page) // the browser may have left
	}))
	t.Cleanup(server.Close)
	return server.URL
}

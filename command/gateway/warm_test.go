package gateway

import (
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// countingServer speaks TLS and tells of each new connection.
func countingServer(t *testing.T) (address string, opened chan struct{}) {
	t.Helper()
	opened = make(chan struct{}, 100)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the gateway does not trust its certificate
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened <- struct{}{}
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, opened
}

// A gateway that serves opens a connection to the API and one to the token endpoint before anybody asks.
func TestConnectionsToSpotifyAreOpenedAtTheStart(t *testing.T) {
	api, apiOpened := countingServer(t)
	tokens, tokensOpened := countingServer(t)
	file := filepath.Join(t.TempDir(), "config.yaml")
	text := `
server: {listen: "127.0.0.1:0", shutdown_timeout: 1s}
admin: {listen: ""}
spotify: {client_id: id, client_secret: secret, api_url: "` + api + `/v1", token_url: "` + tokens + `/api/token"}
session: {store: memory, keys: ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}
routes: [{path: /api/, upstream: spotify, credentials: user}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _ := newReloader(t, file)
	defer func() { _ = r.gateway.close() }()
	if len(apiOpened)+len(tokensOpened) > 0 {
		t.Error("a gateway that does not serve opens connections")
	}
	r.gateway.warmth.keep(r.gateway.current.Load())
	defer r.gateway.warmth.stop()
	for what, opened := range map[string]chan struct{}{"API": apiOpened, "token endpoint": tokensOpened} {
		select {
		case <-opened:
		case <-time.After(time.Minute):
			t.Errorf("no connection to the %s was opened", what)
		}
	}
}

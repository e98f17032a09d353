package attack

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	"stagedoor/e2e/stage"
)

// TestTLSListener ends TLS in the gateway itself, and comes with old and new versions of it.
func TestTLSListener(t *testing.T) {
	t.Setenv("GODEBUG", "tls10server=1,tlsrsakex=1") // the gateway inherits it, and must not care
	certFile, keyFile, roots := stage.SelfSigned(t)
	w := stage.NewWorld(t, stage.Options{
		PublicURL: "https://127.0.0.1:8443",
		Server:    fmt.Sprintf("tls: {cert_file: %q, key_file: %q}\n", certFile, keyFile),
	})
	a, address := newAttacks(t, "old TLS"), w.Replicas[0].Public()
	offer := func(config *tls.Config) (tls.ConnectionState, error) {
		config.RootCAs = roots
		conn, err := tls.Dial("tcp", address, config)
		if err != nil {
			return tls.ConnectionState{}, err
		}
		defer func() { _ = conn.Close() }()
		return conn.ConnectionState(), nil
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		_, err := offer(&tls.Config{MinVersion: version, MaxVersion: version})
		a.expect(err != nil, "%s is spoken", tls.VersionName(version))
	}
	for _, suite := range tls.InsecureCipherSuites() {
		state, err := offer(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}})
		a.expect(err != nil, "%s is spoken with %s", suite.Name, tls.VersionName(state.Version))
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if state, err := offer(&tls.Config{MinVersion: version, MaxVersion: version}); err != nil || state.Version != version {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
	for _, http2 := range []bool{true, false} {
		transport := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{RootCAs: roots}}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get("https://" + address + "/auth/session")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.TLS.Version != tls.VersionTLS13 || (response.ProtoMajor == 2) != http2 {
			t.Errorf("%s with %s: status %d", response.Proto, tls.VersionName(response.TLS.Version), response.StatusCode)
		}
		if response.Header.Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: no Strict-Transport-Security", response.Proto)
		}
	}
	response, err := http.Get("http://" + address + "/auth/session")
	a.expect(err != nil || response.StatusCode == http.StatusBadRequest, "plain HTTP is answered")
	if err == nil {
		_ = response.Body.Close()
	}
}

package gateway

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"stagedoor/config"
	"stagedoor/proxy/listen"
	"stagedoor/session"
)

// selfSigned makes a certificate with a serial number. No client has to trust it.
func selfSigned(t *testing.T, serial int64) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: key}
}

// certificate writes a certificate with a serial number, and its key.
func certificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	made := selfSigned(t, serial)
	private, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	put(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made.Certificate[0]})))
	put(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
}

// TestReloadOfCertificates renews the files of a certificate, and breaks them.
func TestReloadOfCertificates(t *testing.T) {
	folder := t.TempDir()
	file, certFile, keyFile := filepath.Join(folder, "config.yaml"), filepath.Join(folder, "cert"), filepath.Join(folder, "key")
	certificate(t, certFile, keyFile, 1)
	put(t, file, fmt.Sprintf(`
server: {public_url: https://a.example, tls: {cert_file: cert, key_file: key}}
spotify: {client_id: id, client_secret: hidden}
session: {store: memory, keys: [%q]}
`, session.NewKey().Reveal()))
	r, logs := newReloader(t, file)
	defer func() { _ = r.gateway.close() }()
	serial := func() int64 {
		t.Helper()
		served, err := r.gateway.certificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return served.Leaf.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d is served", got)
	}
	certificate(t, certFile, keyFile, 2)
	if r.files.changed() || !r.files.changed() || !r.reload(r.loaded.Again) || serial() != 2 || r.files.changed() {
		t.Errorf("after the renewal certificate %d is served: %v", serial(), logs.All())
	}
	put(t, keyFile, "nonsense")
	if r.reload(r.loaded.Again) || serial() != 2 {
		t.Errorf("with a broken key certificate %d is served", serial())
	}
	lines := logs.FilterMessageSnippet("not reloaded").All()
	if len(lines) != 1 || !strings.Contains(fmt.Sprint(lines[0].ContextMap()), "holds no private key in PEM form") {
		t.Errorf("the log says %v", lines)
	}
}

// TestMaintenanceByReload turns the maintenance on and off.
func TestMaintenanceByReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	hangUp := func(r *reloader, text string) {
		put(t, file, fmt.Sprintf(`
server: {maintenance: %q}
spotify: {client_id: id, client_secret: hidden}
session: {store: memory, keys: [AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=]}
`, text))
		if r != nil {
			r.hungUp()
		}
	}
	hangUp(nil, "")
	r, logs := newReloader(t, file)
	defer func() { _ = r.gateway.close() }()
	answer := func() *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r.gateway.ServeHTTP(w, httptest.NewRequest("GET", "/api/me", nil))
		return w
	}
	if got := answer().Code; got != 401 {
		t.Fatalf("before the maintenance the answer is %d", got)
	}
	hangUp(r, "Back at <noon>.")
	if got := answer(); got.Code != 503 || got.Header().Get("Stagedoor-Reason") != "MAINTENANCE" || got.Header().Get("Retry-After") == "" {
		t.Errorf("during the maintenance the answer is %d %v", got.Code, got.Header())
	}
	if _, err := r.gateway.readiness(t.Context()); err != nil {
		t.Errorf("during the maintenance the gateway is not ready: %v", err)
	}
	hangUp(r, "")
	if got := answer().Code; got != 401 {
		t.Errorf("after the maintenance the answer is %d", got)
	}
	if logs.FilterMessageSnippet("server.maintenance is set").Len() != 1 || logs.FilterMessageSnippet("server.maintenance is empty").Len() != 1 {
		t.Errorf("the log says %v", logs.All())
	}
}

func newReloader(t *testing.T, file string) (*reloader, *observer.ObservedLogs) {
	t.Helper()
	noVariables := func(string) (string, bool) { return "", false }
	c, err := Load(func() (*config.Loaded, error) { return config.Load(file, noVariables) })
	if err != nil {
		t.Fatal(err)
	}
	c.Level = zap.NewAtomicLevel()
	core, logs := observer.New(zap.InfoLevel)
	log := zap.New(core)
	g, err := newGateway(c.Config, Process{}, log, nil)
	if err != nil {
		t.Fatal(err)
	}
	noFile := func() error { return nil }
	return &reloader{Configuration: c, gateway: g, connections: listen.New(nil, c.Server, log), log: log, reopenLog: noFile, lookup: noVariables}, logs
}

package redisstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// authority signs certificates and keeps them as PEM files in a folder.
type authority struct {
	dir         string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes an authority; its certificate is ca.pem in the folder.
func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.certificate, a.key = a.sign(t, "ca", template)
	return a
}

// issue makes NAME.pem and NAME.key, a certificate for 127.0.0.1 that serves both sides of a connection.
func (a *authority) issue(t *testing.T, name string) (certFile, keyFile string) {
	t.Helper()
	a.sign(t, name, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
}

// sign makes a key and a certificate for it, by the authority or, if it has none yet, by itself.
func (a *authority) sign(t *testing.T, name string, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, filepath.Join(a.dir, name+".pem"), "CERTIFICATE", der)
	writePEM(t, filepath.Join(a.dir, name+".key"), "EC PRIVATE KEY", keyDER)
	return certificate, key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestRedisTLS(t *testing.T) {
	ours, strangers := newAuthority(t), newAuthority(t)
	serverCert, serverKey := ours.issue(t, "server")
	clientCert, clientKey := ours.issue(t, "client")
	strangeCert, strangeKey := strangers.issue(t, "client")
	ourCA, strangeCA := filepath.Join(ours.dir, "ca.pem"), filepath.Join(strangers.dir, "ca.pem")
	address := sessiontest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	server := sessiontest.StartRedis(t, "--tls-port", port, "--tls-cert-file", serverCert, "--tls-key-file", serverKey,
		"--tls-ca-cert-file", ourCA, "--tls-auth-clients", "yes")
	for _, c := range []struct {
		name string
		tls  redisstore.TLSConfig
		want bool
	}{
		{"with our certificate", redisstore.TLSConfig{Enabled: true, CAFile: ourCA, CertFile: clientCert, KeyFile: clientKey}, true},
		{"without a certificate", redisstore.TLSConfig{Enabled: true, CAFile: ourCA}, false},
		{
			"with a stranger's certificate",
			redisstore.TLSConfig{Enabled: true, CAFile: ourCA, CertFile: strangeCert, KeyFile: strangeKey}, false,
		},
		{"trusting a stranger", redisstore.TLSConfig{Enabled: true, CAFile: strangeCA, CertFile: clientCert, KeyFile: clientKey}, false},
		{"trusting the system", redisstore.TLSConfig{Enabled: true, CertFile: clientCert, KeyFile: clientKey}, false},
		{"without TLS", redisstore.TLSConfig{}, false},
	} {
		config := server.Config()
		config.Addresses, config.TLS = []string{address}, c.tls
		store := sessiontest.OpenRedis(t, config)
		err := store.Save(t.Context(), c.name, session.Entry{Version: 1}, time.Hour, "")
		if c.want && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.want {
			wantError(t, c.name, err, session.ErrStoreUnavailable)
		}
	}
}

func TestRedisTLSFiles(t *testing.T) {
	ours := newAuthority(t)
	cert, key := ours.issue(t, "client")
	_, otherKey := ours.issue(t, "other")
	missing := filepath.Join(ours.dir, "missing.pem")
	for name, tls := range map[string]redisstore.TLSConfig{
		"a missing authority":   {Enabled: true, CAFile: missing},
		"an authority of noise": {Enabled: true, CAFile: key},
		"a missing certificate": {Enabled: true, CertFile: missing, KeyFile: key},
		"a missing key":         {Enabled: true, CertFile: cert, KeyFile: missing},
		"another's key":         {Enabled: true, CertFile: cert, KeyFile: otherKey},
	} {
		config := redisstore.DefaultConfig()
		config.TLS = tls
		if store, err := redisstore.New(config, zap.NewNop()); err == nil {
			t.Errorf("%s was taken", name)
			_ = store.Close() // the error has been reported
		}
	}
}

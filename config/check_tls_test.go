package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair is a certificate and its key, in PEM form.
type pair struct{ certificate, key string }

// newPair makes a certificate for a host that is good until a time.
func newPair(t *testing.T, host string, until time.Time) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{host}, NotAfter: until}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{
		certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})),
		key:         string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
	}
}

// TestFilesOfTLS wants each mistake with the files of certificates named at its place.
func TestFilesOfTLS(t *testing.T) {
	year := time.Now().AddDate(1, 0, 0)
	good, other := newPair(t, "a.example", year), newPair(t, "b.example", year)
	expired, ending := newPair(t, "a.example", time.Now().Add(-time.Hour)), newPair(t, "a.example", time.Now().Add(24*time.Hour))
	folder := t.TempDir()
	for name, text := range map[string]string{
		"good.pem": good.certificate, "good.key": good.key, "other.pem": other.certificate, "other.key": other.key,
		"expired.pem": expired.certificate, "expired.key": expired.key, "ending.pem": ending.certificate, "ending.key": ending.key,
		"garbage": "no PEM", "empty": "", "chain.pem": good.certificate + other.certificate,
		"broken.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"broken.key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		write(t, filepath.Join(folder, name), text)
	}
	const server = "server: {public_url: https://a.example, tls: {cert_file: "
	for name, c := range map[string]struct{ text, problem, warning string }{
		"a good pair":              {server + "good.pem, key_file: good.key}}", "", ""},
		"a chain":                  {server + "chain.pem, key_file: good.key}}", "", ""},
		"no certificate":           {server + "none.pem, key_file: good.key}}", `3:47: server.tls.cert_file: the file "@/none.pem" cannot be read (no such file`, ""},
		"no key":                   {server + "good.pem, key_file: none.key}}", `3:68: server.tls.key_file: the file "@/none.key" cannot be read (no such file`, ""},
		"garbage":                  {server + "garbage, key_file: good.key}}", `server.tls.cert_file: the file "@/garbage" holds no certificate in PEM form`, ""},
		"an empty file":            {server + "empty, key_file: good.key}}", `server.tls.cert_file: the file "@/empty" holds no certificate in PEM form`, ""},
		"the key's file twice":     {server + "good.key, key_file: good.key}}", `server.tls.cert_file: the file "@/good.key" holds no certificate`, ""},
		"the certificate twice":    {server + "good.pem, key_file: good.pem}}", `server.tls.key_file: the file "@/good.pem" holds no private key`, ""},
		"a broken certificate":     {server + "broken.pem, key_file: good.key}}", `holds a certificate that cannot be read`, ""},
		"a broken key":             {server + "good.pem, key_file: broken.key}}", `holds a private key that cannot be read`, ""},
		"no pair":                  {server + "good.pem, key_file: other.key}}", `server.tls.key_file: the private key in "@/other.key" does not belong to the certificate`, ""},
		"expired":                  {server + "expired.pem, key_file: expired.key}}", "", "server.tls.cert_file: the certificate expired on "},
		"about to expire":          {server + "ending.pem, key_file: ending.key}}", "", "server.tls.cert_file: the certificate expires on "},
		"another host":             {server + "other.pem, key_file: other.key}}", "", "server.tls.cert_file: the certificate is not for a.example"},
		"Redis' authority":         {"redis: {tls: {enabled: true, ca_file: good.pem}}", "", ""},
		"Redis' authority missing": {"redis: {tls: {enabled: true, ca_file: none.pem}}", `3:30: redis.tls.ca_file: the file "@/none.pem" cannot be read`, ""},
		"Redis' authority expired": {"redis: {tls: {enabled: true, ca_file: expired.pem}}", "", "redis.tls.ca_file: the certificate expired on "},
		"no pair for Redis":        {"redis: {tls: {enabled: true, cert_file: good.pem, key_file: other.key}}", "redis.tls.key_file: the private key", ""},
		"an authority for nothing": {"redis: {tls: {ca_file: good.pem}}", "redis.tls.ca_file: has no effect", ""},
	} {
		path := write(t, filepath.Join(folder, "config.yaml"), bare+c.text+"\n")
		loaded, err := Load(path, environment())
		var problems Problems
		if errors.As(err, &problems) != (c.problem != "") || err != nil && !strings.Contains(err.Error(), strings.ReplaceAll(c.problem, "@", folder)) {
			t.Errorf("%s: %v, want %s", name, err, c.problem)
		}
		if err != nil {
			continue
		}
		if (len(loaded.Warnings) > 0) != (c.warning != "") || !strings.Contains(loaded.Warnings.Error(), c.warning) {
			t.Errorf("%s: the warnings are %v, want %s", name, loaded.Warnings, c.warning)
		}
		for _, warning := range loaded.Warnings {
			if expired := strings.Contains(warning.Text, "expired"); warning.Fails != expired {
				t.Errorf("%s: it fails a check: %t", name, warning.Fails)
			}
		}
	}
}

func TestWarningsOfProduction(t *testing.T) {
	const zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	withKey := func(key string) string {
		return "spotify: {client_id: id, client_secret: secret}\nsession: {keys: [" + key + "]}\n"
	}
	for name, c := range map[string]struct {
		text, environment, want string
	}{
		"the demo's key":              {withKey(demoKey), "production", "session.keys[0]: this is the key of demo.env"},
		"the demo's key, in the demo": {withKey(demoKey), "", ""},
		"the demo's key, over https":  {withKey(demoKey) + "server: {public_url: https://a.example}\n", "", "session.keys[0]: this is the key of demo.env"},
		"zeros":                       {withKey(zeros), "production", "session.keys[0]: this key is one byte again and again"},
		"a key":                       {bare, "production", ""},
		"everybody a proxy":           {bare + "server: {trusted_proxies: [10.0.0.0/8, 0.0.0.0/0]}\n", "", "server.trusted_proxies[1]: everybody is a trusted proxy"},
		"everybody of IPv6":           {bare + "server: {trusted_proxies: [\"::/0\"]}\n", "", "server.trusted_proxies[0]: everybody is a trusted proxy"},
		"no braces":                   {strings.Replace(bare, "client_id: id", "client_id: $SPOTIFY_CLIENT_ID", 1), "", "spotify.client_id: a variable is written ${SPOTIFY_CLIENT_ID}"},
		"a dollar in a secret":        {strings.Replace(bare, "client_secret: secret", "client_secret: a$B", 1), "", ""},
	} {
		loaded, err := load("config.yaml", c.text, environment("STAGEDOOR_ENV", c.environment))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := loaded.Warnings.Error(); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestAdminOnAllAddresses(t *testing.T) {
	for listen, want := range map[string]bool{
		"0.0.0.0:9090": true, "[::]:9090": true, ":9090": true, "127.0.0.1:9090": false, "10.0.0.1:9090": false, "": false, "unix:/run/admin": false,
	} {
		if got := adminOnAllAddresses(listen, false) != ""; got != want {
			t.Errorf("%q warns: %t", listen, got)
		}
		if adminOnAllAddresses(listen, true) != "" {
			t.Errorf("%q warns in a container, which has its own addresses", listen)
		}
	}
}

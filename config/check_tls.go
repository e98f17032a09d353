package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

// checkTLS opens the files of certificates, so that what is wrong with them is known before a gateway needs them.
func (c *checker) checkTLS() {
	server, redis := c.config.Server.TLS, c.config.Redis.TLS
	if leaf := c.checkPair("server.tls", server.CertFile, server.KeyFile); leaf != nil {
		c.warnOfHost("server.tls.cert_file", leaf)
	}
	c.checkPair("redis.tls", redis.CertFile, redis.KeyFile)
	if redis.CAFile == "" {
		return
	}
	certificates := c.certificatesOf("redis.tls.ca_file", redis.CAFile)
	for _, authority := range certificates {
		c.warnOfEnd("redis.tls.ca_file", authority)
	}
}

// checkPair checks the two files of a certificate, and returns the certificate itself, without those that issued it; nil when there
// is none or something is wrong.
func (c *checker) checkPair(section, certFile, keyFile string) (leaf *x509.Certificate) {
	certField, keyField := section+".cert_file", section+".key_file"
	if certFile == "" || keyFile == "" || covered(c.broken, section) {
		return nil
	}
	chain := c.certificatesOf(certField, certFile)
	key, err := os.ReadFile(keyFile)
	switch {
	case err != nil:
		c.reject(keyField, c.withoutSecret(keyFile, unreadable(keyFile, err)))
		return nil
	case !hasPEM(key, "PRIVATE KEY"):
		c.reject(keyField, fmt.Sprintf("the file %q holds no private key in PEM form; write the path of the certificate's key", keyFile))
		return nil
	case len(chain) == 0:
		return nil
	}
	var blocks bytes.Buffer
	for _, certificate := range chain {
		_ = pem.Encode(&blocks, &pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}) // a buffer takes everything
	}
	if _, err := tls.X509KeyPair(blocks.Bytes(), key); err != nil {
		problem := fmt.Sprintf("the file %q holds a private key that cannot be read, such as one with a passphrase; write one without", keyFile)
		if strings.Contains(err.Error(), "does not match") { // crypto/tls has no error to compare with
			problem = fmt.Sprintf("the private key in %q does not belong to the certificate in cert_file; write the paths of a pair", keyFile)
		}
		c.reject(keyField, problem)
		return nil
	}
	c.warnOfEnd(certField, chain[0])
	return chain[0]
}

// certificatesOf reads a file of certificates; there is at least one unless something is wrong with it.
func (c *checker) certificatesOf(field, path string) (found []*x509.Certificate) {
	text, err := os.ReadFile(path)
	if err != nil {
		c.reject(field, c.withoutSecret(path, unreadable(path, err)))
		return nil
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			c.reject(field, fmt.Sprintf("the file %q holds a certificate that cannot be read; renew it, or correct the path", path))
			return nil
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		c.reject(field, fmt.Sprintf("the file %q holds no certificate in PEM form; correct the path, or convert the file", path))
	}
	return found
}

// hasPEM tells whether a text has a block of a type that ends so.
func hasPEM(text []byte, kind string) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, kind) {
			return true
		}
	}
	return false
}

// warnOfEnd reports a certificate that is not good now, or not for long. The gateway starts all the same, because without it nobody is
// served, and who asks may not look at the dates; for check it is a problem.
func (c *checker) warnOfEnd(field string, certificate *x509.Certificate) {
	now, day := time.Now(), func(at time.Time) string { return at.UTC().Format(time.DateOnly) }
	switch {
	case now.Before(certificate.NotBefore):
		c.addFailing(field, fmt.Sprintf("the certificate is good from %s on only; correct the clock, or renew it", day(certificate.NotBefore)))
	case now.After(certificate.NotAfter):
		c.addFailing(field, fmt.Sprintf("the certificate expired on %s; renew it", day(certificate.NotAfter)))
	case now.Add(soon).After(certificate.NotAfter):
		c.addWarning(field, fmt.Sprintf("the certificate expires on %s; renew it", day(certificate.NotAfter)))
	}
}

// warnOfHost reports a certificate for another host than public_url's: browsers reject it, unless a proxy ends their TLS.
func (c *checker) warnOfHost(field string, certificate *x509.Certificate) {
	public, err := url.Parse(c.config.Server.PublicURL)
	if err != nil || public.Scheme != "https" {
		return
	}
	var wrong x509.HostnameError
	if err := certificate.VerifyHostname(public.Hostname()); errors.As(err, &wrong) {
		c.addWarning(field, fmt.Sprintf("the certificate is not for %s, the host of server.public_url, so browsers reject it; "+
			"that is right only behind a proxy that ends their TLS", public.Hostname()))
	}
}

// addFailing adds a warning of something that cannot work, although the gateway starts.
func (c *checker) addFailing(field, problem string) {
	found := c.found(field, problem)
	found.Fails = true
	c.warnings = append(c.warnings, found)
}

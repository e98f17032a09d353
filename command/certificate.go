package command

import (
	"crypto/tls"
	"fmt"

	"stagedoor/proxy"
)

// readCertificate reads the files of the public listener's certificate; nil where it speaks plain HTTP.
func readCertificate(c proxy.TLSConfig) (*tls.Certificate, error) {
	if c.CertFile == "" {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("server.tls: the certificate cannot be used: %w; look at cert_file and key_file", err)
	}
	return &certificate, nil
}

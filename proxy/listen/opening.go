package listen

import (
	"bytes"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"
)

// What a misconfigured load balancer or probe sends instead of a request.
const (
	proxyProtocol = "a PROXY protocol preface arrived before the request, which is rejected: turn it off at the load balancer, " +
		"let it set X-Forwarded-For, and list it in server.trusted_proxies"
	tlsOnPlain = "TLS arrived at the plain HTTP port: let the client use http://, or set server.tls"
	plainOnTLS = "plain HTTP arrived at the TLS port: let the client use https://, or empty server.tls"
)

var requestLine = regexp.MustCompile(`^[A-Z]+ (/|\*|http)`)

// opening tells from the first bytes of a connection what is wrong with it; empty for nothing that an operator could mend.
func opening(first []byte, secure bool) (problem string) {
	switch {
	case bytes.HasPrefix(first, []byte("PROXY ")), bytes.HasPrefix(first, []byte("\r\n\r\n\x00\r\nQUIT\n")):
		return proxyProtocol
	case !secure && len(first) > 1 && first[0] == 0x16 && first[1] == 3: // a handshake record (RFC 8446 section 5.1)
		return tlsOnPlain
	case secure && requestLine.Match(first):
		return plainOnTLS
	}
	return ""
}

// openings warns of wrong openings, of each kind once in warnEvery.
type openings struct {
	mu     sync.Mutex // guards warned
	warned map[string]time.Time
}

func (o *openings) warn(log *zap.Logger, problem, client string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); now.Sub(o.warned[problem]) >= warnEvery {
		if o.warned == nil {
			o.warned = map[string]time.Time{}
		}
		o.warned[problem] = now
		log.Warn(problem, zap.String("client", client))
	}
}

package policy

import (
	"net/http"
	"strings"
)

// ForgesForwarded tells whether a frontend could take a client's header for one of the gateway's. Many frontends (CGI, WSGI, PHP)
// do not distinguish an underscore in a name from a dash. Proxies do not write one, so a trusted proxy's is rejected, too.
func ForgesForwarded(name string, trusted bool) bool {
	dashed := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	about := strings.HasPrefix(dashed, "X-Forwarded-") || dashed == "X-Real-Ip" || dashed == RequestIDHeader
	return strings.HasPrefix(dashed, "X-Stagedoor-") || about && (!trusted || name != dashed)
}

// AsksForWebSocket tells whether a request asks for a WebSocket (RFC 6455 section 4.1).
func AsksForWebSocket(h http.Header) bool { return strings.EqualFold(h.Get("Upgrade"), "websocket") }

// OnlyWebSockets removes the request for any other protocol. Over an h2c connection through the gateway, a client could
// send the frontend further requests that are not cleaned.
func OnlyWebSockets(h http.Header) {
	if !AsksForWebSocket(h) {
		h.Del("Upgrade")
		h.Del("Connection")
	}
}

// repeatHeaders make net/http take any request for one that may be sent twice, also after it was processed.
var repeatHeaders = map[string]string{"Idempotency-Key": "idempotency-key", "X-Idempotency-Key": "x-idempotency-key"}

// ForbidRepeats writes them in small letters, which net/http does not look for and servers take for the same.
func ForbidRepeats(h http.Header) {
	for name, small := range repeatHeaders {
		if values, present := h[name]; present {
			delete(h, name)
			h[small] = values
		}
	}
}

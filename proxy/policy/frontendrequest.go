package policy

import (
	"net/http"
	"strings"
)

// ForgesForwarded tells whether a client's header would pass for the gateway's word. Many frontends (CGI, WSGI, PHP) cannot tell an
// underscore in a name from a dash; no proxy writes one, so it is not believed from a trusted one either.
func ForgesForwarded(name string, trusted bool) bool {
	dashed := http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	about := strings.HasPrefix(dashed, "X-Forwarded-") || dashed == "X-Real-Ip" || dashed == RequestIDHeader
	return strings.HasPrefix(dashed, "X-Stagedoor-") || about && (!trusted || name != dashed)
}

// OnlyWebSockets takes back the wish for another protocol. Over an h2c connection that went through here, a client would
// send the frontend further requests that are not cleaned.
func OnlyWebSockets(h http.Header) {
	if !strings.EqualFold(h.Get("Upgrade"), "websocket") {
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

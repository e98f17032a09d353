package simulator

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
)

// oauthError is an error answer of the accounts side (RFC 6749 section 5.2).
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`

	status  int    // zero means 400
	outcome string // for Counts.Refresh; empty means refused
}

func (e *oauthError) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(description string) error {
	return &oauthError{Code: "invalid_request", Description: description}
}

func invalidGrant(description string) error {
	return &oauthError{Code: "invalid_grant", Description: description}
}

func invalidClient(status int, description string) error {
	return &oauthError{Code: "invalid_client", Description: description, status: status}
}

// authenticate finds the client of a token call: a confidential one by HTTP Basic, a public one by client_id in the
// body. Spotify documents no other way, so there is none.
func (s *Server) authenticate(h http.Header, form url.Values) (Client, error) {
	if form.Has("client_secret") {
		return Client{}, invalidClient(0, "The client secret belongs into the Authorization header")
	}
	sent := h.Values("Authorization")
	if len(sent) > 1 {
		return Client{}, invalidRequest("There is more than one Authorization header")
	}
	if len(sent) == 0 {
		return s.publicClient(form.Get("client_id"))
	}
	id, secret, ok := basicCredentials(sent[0])
	if !ok {
		return Client{}, invalidClient(0, "The Authorization header is not HTTP Basic")
	}
	client, known := s.client(id)
	switch {
	case !known:
		return Client{}, invalidClient(0, "Invalid client")
	case client.public():
		return Client{}, invalidClient(http.StatusUnauthorized, "A public client sends client_id in the body and no Authorization")
	case !client.secretIs(secret):
		return Client{}, invalidClient(0, "Invalid client secret")
	case form.Has("client_id") && form.Get("client_id") != id:
		return Client{}, invalidClient(0, "client_id is not the authenticated client")
	}
	return client, nil
}

func (s *Server) publicClient(id string) (Client, error) {
	client, known := s.client(id)
	switch {
	case id == "":
		return Client{}, invalidClient(http.StatusUnauthorized, "There are no client credentials")
	case !known:
		return Client{}, invalidClient(0, "Invalid client")
	case !client.public():
		return Client{}, invalidClient(http.StatusUnauthorized, "This client has a secret and must authenticate with HTTP Basic")
	}
	return client, nil
}

// basicCredentials reads HTTP Basic. Unlike http.Request.BasicAuth it insists on padded standard base64.
func basicCredentials(header string) (id, secret string, ok bool) {
	scheme, encoded, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "", false
	}
	return strings.Cut(string(raw), ":")
}

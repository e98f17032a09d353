package token

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"stagedoor/secret"
)

// A server may echo what it was sent, as it was sent or as it was meant. The error goes to the log.
func TestTokenErrorHoldsNoSecret(t *testing.T) {
	const code, verifier, refresh, clientSecret = "code+/1", "verifier~+/2", "refresh+/3", "s3cr3t:+&= /?"
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request, body string){
		"described": func(w http.ResponseWriter, r *http.Request, body string) {
			answerJSON(http.StatusBadRequest, `{"error":"`+code+refresh+`","error_description":"`+
				code+" "+verifier+" "+refresh+" "+clientSecret+" "+r.Header.Get("Authorization")+`"}`)(w, r)
		},
		"described as sent": func(w http.ResponseWriter, r *http.Request, body string) {
			answerJSON(http.StatusInternalServerError, `{"error":"server_error","error_description":"`+body+`"}`)(w, r)
		},
		"after a long text": func(w http.ResponseWriter, r *http.Request, body string) {
			answerJSON(http.StatusBadRequest, `{"error":"invalid_grant","error_description":"`+
				strings.Repeat("x", maxDescription-20)+code+verifier+refresh+clientSecret+`"}`)(w, r)
		},
		"on a page": func(w http.ResponseWriter, r *http.Request, body string) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<p>" + body + code + verifier + refresh + clientSecret + r.Header.Get("Authorization")))
		},
		"where a number should be": func(w http.ResponseWriter, r *http.Request, body string) {
			answerJSON(http.StatusOK, `{"access_token":"a","expires_in":"`+code+verifier+refresh+clientSecret+`"}`)(w, r)
		},
		"instead of HTTP": func(w http.ResponseWriter, r *http.Request, body string) {
			hijack(w, func(c hijacked) {
				c.say(code + verifier + refresh + clientSecret + r.Header.Get("Authorization") + body + "\r\n\r\n")
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			var server *tokenServer
			server = newTokenServer(t, func(w http.ResponseWriter, r *http.Request) {
				calls := server.received()
				answer(w, r, calls[len(calls)-1].form.Encode())
			})
			endpoint := server.endpoint(nil)
			_, exchangeErr := exchange(t, endpoint, secret.New(code), secret.New(verifier), nil)
			_, refreshErr := endpoint.Refresh(t.Context(), secret.New(refresh))
			check := func(err error, secrets ...string) {
				if err == nil {
					t.Fatal("there is no error")
				}
				for _, hidden := range append(secrets, clientSecret, strings.TrimPrefix(server.received()[0].authorization, "Basic ")) {
					if strings.Contains(err.Error(), hidden) {
						t.Errorf("the error tells %q: %v", hidden, err)
					}
				}
			}
			check(exchangeErr, code, verifier, "code%2B%2F1", "verifier~%2B%2F2")
			check(refreshErr, refresh, "refresh%2B%2F3")
		})
	}
}

// An answer that cannot be used may hold tokens that were never seen before.
func TestTokenErrorHoldsNoNewSecret(t *testing.T) {
	token := "BQ" + strings.Repeat("aB3_-xYz", 20)
	for name, answer := range map[string]string{
		"for an error":   object(400, `{"error":"`+token+`"}`),
		"described":      object(400, `{"error":"invalid_grant","error_description":"{\"access_token\":\"`+token+`\"}"}`),
		"its beginning":  object(500, `{"error":"server_error","error_description":"token `+token[:40]+`…"}`),
		"for a number":   object(200, `{"access_token":"a","expires_in":"`+token+`"}`),
		"without HTTP":   `{"access_token":"` + token + "\"}\r\n\r\n",
		"for a header":   "HTTP/1.1 200 OK\r\nBearer " + token + "\r\n\r\n",
		"for a length":   "HTTP/1.1 200 OK\r\nContent-Length: " + token + "\r\n\r\n",
		"in a bad place": "HTTP/1.1 302 Found\r\nLocation: http://[::1/?" + token + "\r\nContent-Length: 0\r\n\r\n",
	} {
		server := newTokenServer(t, func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, func(c hijacked) { c.say(answer) })
		})
		_, err := server.endpoint(nil).Refresh(t.Context(), secret.New("refresh-old"))
		if err == nil || strings.Contains(err.Error(), token[:24]) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}

// object is an answer in JSON as it goes over the wire.
func object(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d Some\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

// What is not a token is in the message: it is all that an operator learns.
func TestTokenErrorTellsTheRest(t *testing.T) {
	server := newTokenServer(t, answerJSON(http.StatusBadRequest,
		`{"error":"unmet_authentication_requirements","error_description":"See https://accounts.example.com/a-long/way/to/\"go\"/at/last"}`))
	_, err := server.endpoint(nil).Refresh(t.Context(), secret.New("refresh-old"))
	const want = "400 unmet_authentication_requirements See https://accounts.example.com/a-long/way/to/'go'/at/last"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("the error is %v, want %s in it", err, want)
	}
}

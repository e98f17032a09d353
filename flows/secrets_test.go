package flows

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/secret"
)

// Everything that can go well and wrong in a session's life, at debug level, with a token endpoint that repeats what it was
// sent. The search itself is at the end of every test here; this one also shows that it has something to find.
func TestLogHoldsNoSecret(t *testing.T) {
	g := newGateway(t, nil)
	b := g.browser()
	echo := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			calls, _ := g.spotify.received()
			sent := calls[len(calls)-1]
			g.hide(sent.Get("code"), sent.Get("code_verifier"), r.Header.Get("Authorization"))
			answerJSON(status, `{"error":"`+code+`","error_description":"`+sent.Get("code")+" "+sent.Get("code_verifier")+
				" "+sent.Get("refresh_token")+" "+r.Header.Get("Authorization")+`"}`)(w, r)
		}
	}
	for _, answer := range []http.HandlerFunc{
		echo(400, "invalid_grant"), echo(401, "invalid_client"), echo(500, "server_error"),
	} {
		g.spotify.answerToken(answer)
		b.callback(consented(b.begin("").Get("state")))
	}
	b.callback(url.Values{"error": {"x"}, "state": {b.begin("").Get("state")}})
	b.callback(consented(strings.Repeat("A", 43)))

	g.spotify.answerToken(g.spotify.issue("streaming"))
	b.login("?scope=streaming")
	g.store.fail(everything)
	b.do(http.MethodPost, "/auth/logout")
	g.store.fail(nil)
	for _, answer := range []http.HandlerFunc{
		g.spotify.issue("streaming"), echo(503, "server_error"), echo(401, "invalid_client"), echo(400, "invalid_grant"),
	} {
		g.clock.advance(2 * time.Hour)
		g.spotify.answerToken(answer)
		b.token()
	}
	if a := b.do(http.MethodGet, "/auth/session"); !strings.Contains(a.body, `"reason":"REAUTHORIZATION_REQUIRED"`) {
		t.Errorf("after the grant has ended, /auth/session says %s", a.body)
	}
	b.do(http.MethodPost, "/auth/logout")

	if lines, hidden := g.logs.Len(), len(g.secrets); lines < 10 || hidden < 20 {
		t.Errorf("there are only %d lines and %d secrets", lines, hidden)
	}
}

// token asks for a token of the browser's session, as a proxied request would.
func (b *browser) token() {
	b.t.Helper()
	request, err := http.NewRequest(http.MethodGet, b.g.URL+"/api/me", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	request.AddCookie(&http.Cookie{Name: "stagedoor", Value: b.cookie("stagedoor")})
	found, err := b.g.sessions.Find(request)
	if err != nil {
		b.t.Fatal(err)
	}
	_, _ = b.g.sessions.Token(b.t.Context(), found, 0) // what it logs is all that counts here
}

func TestSearchFindsASecret(t *testing.T) {
	for name, leak := range map[string]func(log *zap.Logger, secret string){
		"in a message": func(log *zap.Logger, secret string) { log.Debug("got " + secret) },
		"in a field":   func(log *zap.Logger, secret string) { log.Info("x", zap.Any("y", map[string]string{"z": secret})) },
		"in an error":  func(log *zap.Logger, secret string) { log.Warn("x", zap.Error(errorText(secret))) },
	} {
		var log *zap.Logger
		g := newGateway(t, func(o *Options) { log = o.Log })
		g.hide("the-secret")
		log.Info("nothing", zap.Any("secret", secret.New("the-secret")))
		if leaks := g.leaks(); len(leaks) != 0 {
			t.Errorf("%s: found %q too early", name, leaks)
		}
		leak(log, "the-secret")
		if leaks := g.leaks(); len(leaks) != 1 {
			t.Errorf("%s: found %q, want one line", name, leaks)
		}
		g.logs.TakeAll() // or the search at the end finds it too
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

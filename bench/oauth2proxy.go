package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
)

// provider is the little of an OAuth provider that oauth2-proxy needs to log somebody in. The simulator does not do: it
// refuses a secret in the body, where oauth2-proxy puts it.
func provider() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		back := url.Values{"code": {"code"}, "state": {r.FormValue("state")}}
		http.Redirect(w, r, r.FormValue("redirect_uri")+"?"+back.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, fmt.Appendf(nil, `{"access_token":%q,"token_type":"Bearer","expires_in":86400,"refresh_token":%q}`,
			staticToken, staticToken[:131]))
	})
	mux.HandleFunc("GET /account", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, []byte(`{"account":{"email":"somebody@example.com","uuid":"somebody"}}`))
	})
	return mux
}

// startOAuth2Proxy starts oauth2-proxy with sessions in Redis, the token attached (as X-Forwarded-Access-Token, the header
// that its flags have for it) and its logs off, and logs in.
func (b *bench) startOAuth2Proxy(ctx context.Context, to *upstream, redis *redisServer, variables ...string) (target, error) {
	program, err := exec.LookPath(b.options.oauth2Proxy)
	if err != nil {
		return target{}, err
	}
	origin, err := b.serve(provider())
	if err != nil {
		return target{}, err
	}
	t, err := b.startRival(ctx, "oauth2-proxy", to, variables, func(address string) (string, []string, error) {
		return program, []string{
			"--http-address=" + address, "--upstream=" + to.origin, "--redirect-url=http://" + address + "/oauth2/callback",
			"--provider=digitalocean", "--client-id=bench", "--client-secret=bench", "--email-domain=*",
			"--login-url=" + origin + "/authorize", "--redeem-url=" + origin + "/token",
			"--profile-url=" + origin + "/account", "--validate-url=" + origin + "/account",
			"--cookie-secret=" + strings.Repeat("k", 32), "--cookie-secure=false", "--skip-provider-button=true",
			"--session-store-type=redis", "--redis-connection-url=redis://" + redis.address + "/1",
			"--pass-access-token=true", "--pass-user-headers=true",
			"--request-logging=false", "--auth-logging=false", "--standard-logging=false",
		}, nil
	})
	if err != nil {
		return target{}, err
	}
	front := strings.TrimSuffix(t.base, "/v1")
	consent, attempt, err := follow(ctx, plainClient, front+"/oauth2/start?rd=/", "")
	if err != nil {
		return target{}, err
	}
	callback, _, err := follow(ctx, plainClient, consent, "")
	if err != nil {
		return target{}, err
	}
	_, cookie, err := follow(ctx, plainClient, callback, attempt)
	t.cookies, t.redis = []string{cookie}, redis
	return t, err
}

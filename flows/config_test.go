package flows

import (
	"fmt"
	"strings"
	"testing"

	"stagedoor/internal/webapi"
	"stagedoor/secret"
)

func TestConfigDefaults(t *testing.T) {
	c := DefaultConfig()
	c.Validate(func(field, problem string) {
		if field != "client_id" { // the one key without a default
			t.Errorf("%s: %s", field, problem)
		}
	})
}

// Each problem is reported at its field, with a sentence that has in it what helps.
func TestConfigValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Config)
		field  string
		says   string
	}{
		"no client id":     {func(c *Config) { c.ClientID = "" }, "client_id", "developer.spotify.com/dashboard"},
		"no flow":          {func(c *Config) { c.Flow = "" }, "flow", "authorization_code_pkce"},
		"a flow like PKCE": {func(c *Config) { c.Flow = "pkce" }, "flow", "authorization_code_pkce"},
		"a slip in a scope": {
			func(c *Config) { c.Scopes = []string{"streaming", "user-read-emails"} },
			"scopes[1]", "did you mean user-read-email?",
		},
		"an unknown scope": {func(c *Config) { c.Scopes = []string{"openid"} }, "scopes[0]", "concepts/scopes"},
		"two scopes in one": {
			func(c *Config) { c.Scopes = []string{"streaming user-read-email"} },
			"scopes[0]", "not a scope",
		},
		"no authorize URL":  {func(c *Config) { c.AuthorizeURL = "" }, "authorize_url", "https://"},
		"a relative URL":    {func(c *Config) { c.TokenURL = "/api/token" }, "token_url", "https://"},
		"another scheme":    {func(c *Config) { c.APIURL = "ftp://a.example" }, "api_url", "https://"},
		"an unreadable URL": {func(c *Config) { c.APIURL = "https://a b" }, "api_url", "https://"},
		"a user in a URL": {
			func(c *Config) { c.TokenURL = "https://u:p@a.example/t" },
			"token_url", "neither user",
		},
		"a query in a URL": {
			func(c *Config) { c.AuthorizeURL = "https://a.example/?b" },
			"authorize_url", "query",
		},
		"a fragment in a URL": {func(c *Config) { c.APIURL = "https://a.example/#b" }, "api_url", "fragment"},
		"plain http":          {func(c *Config) { c.TokenURL = "http://a.example/t" }, "token_url", "insecure_http"},
		"plain http, nearly": {
			func(c *Config) { c.TokenURL = "http://127.0.0.1.a.example/t" },
			"token_url", "insecure_http",
		},
		"no timeout":         {func(c *Config) { c.TokenTimeout = 0 }, "token_timeout", "10s"},
		"no calls at all":    {func(c *Config) { c.TokenConcurrency = 0 }, "token_concurrency", "at least 1"},
		"a negative timeout": {func(c *Config) { c.TokenTimeout = -1 }, "token_timeout", "10s"},
	} {
		c := DefaultConfig()
		c.ClientID = "client-1"
		test.change(&c)
		var problems []string
		c.Validate(func(field, problem string) { problems = append(problems, field+": "+problem) })
		if len(problems) != 1 || !strings.HasPrefix(problems[0], test.field+": ") || !strings.Contains(problems[0], test.says) {
			t.Errorf("%s: reported %q, want one problem of %s that says %q", name, problems, test.field, test.says)
		}
	}
}

func TestConfigTakes(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"PKCE":                               func(c *Config) { c.Flow = FlowPKCE },
		"implicit, with a warning elsewhere": func(c *Config) { c.Flow = FlowImplicit },
		"no scopes":                          func(c *Config) { c.Scopes = nil },
		"every scope":                        func(c *Config) { c.Scopes = webapi.Scopes() },
		"plain http on 127.0.0.1":            func(c *Config) { c.TokenURL = "http://127.0.0.1:9000/api/token" },
		"plain http on [::1]":                func(c *Config) { c.APIURL = "http://[::1]:9000/v1" },
		"plain http on localhost":            func(c *Config) { c.AuthorizeURL = "http://localhost:9000/authorize" },
		"plain http to a simulator":          func(c *Config) { c.TokenURL, c.InsecureHTTP = "http://simulator:9000/api/token", true },
	} {
		c := DefaultConfig()
		c.ClientID = "client-1"
		change(&c)
		c.Validate(func(field, problem string) { t.Errorf("%s: %s: %s", name, field, problem) })
	}
}

// However a configuration is printed, the client's secret stays in it.
func TestConfigHidesItsSecret(t *testing.T) {
	c := DefaultConfig()
	c.ClientSecret = secret.New("the-client-secret")
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, c); strings.Contains(text, "the-client-secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestRedirectURI(t *testing.T) {
	if got, want := RedirectURI("https://music.example"), "https://music.example/auth/callback"; got != want {
		t.Errorf("the redirect URI is %q, want %q", got, want)
	}
}

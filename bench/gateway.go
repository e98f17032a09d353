package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"stagedoor/simulator"
)

const (
	clientID     = "bench-client"
	clientSecret = "bench-secret"
)

// gatewayKind is how a Stagedoor is set up. Everything else is as shipped, and switched on.
type gatewayKind struct {
	name      string
	api       string       // spotify.api_url
	redis     *redisServer // nil: the memory store
	key       string       // session key; empty: a new one. Replicas share theirs
	variables []string     // of its environment
	accounts  string       // where logins go; empty: the section's simulator
	scopes    string       // spotify.scopes, as YAML; empty: as shipped
	// quota is in YAML. Empty keeps and joins nothing: wrk sends equal requests at once, and each shall be forwarded.
	quota string
	// certificate is a file with a certificate and its key: the gateway speaks TLS, and HTTP/2, at bench.secure. Empty: plain
	// HTTP at any address.
	certificate string
	// routes, more and listen are further routes and further parts of the configuration, in YAML, and the address; empty: none,
	// and any address.
	routes, more, listen string
	public               string // what the gateway takes for its public_url; empty: its own address
}

// gateway is a Stagedoor process.
type gateway struct {
	*process
	config string // path
	origin string // of the public listener
	admin  string // of the other one
}

const gatewayConfig = `
server:
  listen: %[1]s
  public_url: %[12]s
  tls: {cert_file: %[13]q, key_file: %[13]q}
  allowed_origins: [https://frontend.example]
admin: {listen: %[2]s}
log: {level: info, format: json}
spotify:
  client_id: %[3]s
  client_secret: %[4]s
  authorize_url: %[5]s/authorize
  token_url: %[5]s/api/token
  api_url: %[6]s
%[10]s
quota: %[11]s
session:
  store: %[7]s
  keys: [%[8]q]
%[9]s
routes:
  - path: /api/
    upstream: spotify
    credentials: user
    methods: [GET, HEAD, POST, PUT, DELETE]
    allow: [me, "me/**", search, "albums/*", "playlists/*", "playlists/*/items"]
  - {path: /, upstream: "http://127.0.0.1:3000", credentials: none}
%[14]s
%[15]s`

// startGateway starts a Stagedoor and waits until it is ready, looking every millisecond.
func (b *bench) startGateway(ctx context.Context, kind gatewayKind) (*gateway, error) {
	g, err := b.launchGateway(ctx, kind)
	if err != nil {
		return nil, err
	}
	return g, g.untilReady(ctx)
}

// launchGateway starts a gateway and does not wait until it is ready.
func (b *bench) launchGateway(ctx context.Context, kind gatewayKind) (*gateway, error) {
	listen, err := kind.listen, error(nil)
	if listen == "" {
		listen, err = freeAddress()
	}
	if err != nil {
		return nil, err
	}
	origin := "http://" + listen
	if kind.certificate != "" {
		listen, origin = b.secure, "https://"+b.secure
	}
	admin, err := freeAddress()
	if err != nil {
		return nil, err
	}
	store, redis := "memory", ""
	if kind.redis != nil {
		store, redis = "redis", fmt.Sprintf("redis: {addresses: [%q]}", kind.redis.address)
	}
	if kind.key == "" {
		kind.key = newKey()
	}
	scopes := ""
	if kind.scopes != "" {
		scopes = "  scopes: " + kind.scopes
	}
	config := filepath.Join(b.folder, fmt.Sprintf("config-%d.yaml", b.started))
	text := fmt.Sprintf(gatewayConfig, listen, admin, clientID, clientSecret, cmp.Or(kind.accounts, b.accounts), kind.api, store, kind.key, redis,
		scopes, cmp.Or(kind.quota, "{cache: 0}"), cmp.Or(kind.public, origin), kind.certificate, strings.TrimPrefix(kind.routes, "\n"), kind.more)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	p, err := b.start(ctx, kind.name, kind.variables, b.binary, "serve", "-config", config)
	if err != nil {
		return nil, err
	}
	return &gateway{process: p, config: config, origin: origin, admin: "http://" + admin}, nil
}

// untilReady waits until the gateway says that it is ready.
func (g *gateway) untilReady(ctx context.Context) error {
	return g.until(ctx, time.Millisecond, "be ready", g.ready)
}

// ready asks once.
func (g *gateway) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.admin+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close() // the status tells
	return response.StatusCode == http.StatusOK
}

// newKey makes a session key.
func newKey() string {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	return base64.StdEncoding.EncodeToString(key[:])
}

// startSimulator starts what sessions are made from: its consent page agrees at once.
func (b *bench) startSimulator(tokenLifetime time.Duration) error {
	spotify, err := simulator.New(simulator.Options{
		Clients: []simulator.Client{{
			ID: clientID, Secret: clientSecret, RedirectURIs: []string{"http://127.0.0.1/auth/callback", "https://" + b.secure + "/auth/callback"},
		}},
		TokenLifetime: tokenLifetime,
		Remember:      1,
	})
	if err != nil {
		return err
	}
	if err := spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		return err
	}
	origin, err := b.serve(spotify)
	if err != nil {
		return err
	}
	b.spotify, b.accounts = spotify, origin
	b.after(spotify.Close)
	return nil
}

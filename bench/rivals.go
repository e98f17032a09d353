package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// startBare starts the baseline in a process of its own; with the file of a certificate, for clients over TLS.
func (b *bench) startBare(ctx context.Context, name string, to *upstream, certificate string, variables ...string) (target, error) {
	program, err := os.Executable()
	if err != nil {
		return target{}, err
	}
	t, err := b.startRival(ctx, name, to, variables, func(address string) (string, []string, error) {
		return program, []string{bareCommand, "-listen", address, "-upstream", to.origin, "-certificate", certificate}, nil
	})
	if t.http2 = certificate != ""; t.http2 {
		t.base = strings.Replace(t.base, "http:", "https:", 1)
	}
	return t, err
}

// startRival starts a proxy that is given an address to listen on, and waits for it.
func (b *bench) startRival(ctx context.Context, name string, to *upstream, variables []string,
	invocation func(address string) (program string, args []string, err error),
) (target, error) {
	address, err := freeAddress()
	if err != nil {
		return target{}, err
	}
	program, args, err := invocation(address)
	if err != nil {
		return target{}, err
	}
	p, err := b.start(ctx, name, variables, program, args...)
	if err != nil {
		return target{}, err
	}
	return target{name: name, process: p, base: "http://" + address + "/v1", upstream: to}, p.listening(ctx, address)
}

// server is a program of the system that can do the same without sessions.
type server struct {
	name    string // empty: the program's
	program string
	args    func(config string) []string
	config  string // with the address, the upstream's address, the token, a folder, the file of a certificate, and another address
}

func nginxArgs(config string) []string { return []string{"-e", "stderr", "-c", config} }

func caddyArgs(config string) []string {
	return []string{"run", "--adapter", "caddyfile", "--config", config}
}

// nginxTop begins every nginx configuration: the folder of the run for its files, and the API.
const nginxTop = `daemon off;
worker_processes auto;
pid %[4]s/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path %[4]s/body;
  proxy_temp_path %[4]s/proxy;
  fastcgi_temp_path %[4]s/fastcgi;
  uwsgi_temp_path %[4]s/uwsgi;
  scgi_temp_path %[4]s/scgi;
  upstream api { server %[2]s; keepalive 256; keepalive_requests 1000000; }
`

// servers ask over plain HTTP.
var servers = []server{
	{
		"", "nginx", nginxArgs,
		nginxTop + `  server {
    listen %[1]s;
    keepalive_requests 1000000;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer %[3]s";
    }
  }
}
`,
	},
	{
		"", "haproxy", func(config string) []string { return []string{"-db", "-f", config} },
		`defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend public
  bind %[1]s
  default_backend api
backend api
  http-request set-header Authorization "Bearer %[3]s"
  server api %[2]s
`,
	},
	{
		"", "caddy", caddyArgs,
		`{
  admin off
  auto_https off
  storage file_system %[4]s
}
http://%[1]s {
  reverse_proxy %[2]s {
    header_up Authorization "Bearer %[3]s"
    transport http {
      keepalive_idle_conns_per_host 256
    }
  }
}
`,
	},
}

// serverPlace is where a server of the system stands.
type serverPlace struct {
	to          *upstream
	certificate string // file of the public listener's certificate and key; empty: plain HTTP
}

// startServers starts those of the system's programs that are installed.
func (b *bench) startServers(ctx context.Context, list []server, place serverPlace) ([]target, error) {
	var targets []target
	for _, s := range list {
		program, err := exec.LookPath(s.program)
		if err != nil {
			b.say("%s is not installed and is left out", s.program)
			continue
		}
		folder, err := os.MkdirTemp(b.folder, s.program)
		if err != nil {
			return nil, err
		}
		inner, err := freeAddress()
		if err != nil {
			return nil, err
		}
		home := []string{"HOME=" + folder, "XDG_CONFIG_HOME=" + folder, "XDG_DATA_HOME=" + folder}
		t, err := b.startRival(ctx, cmp.Or(s.name, s.program), place.to, home, func(address string) (string, []string, error) {
			config := filepath.Join(folder, "configuration")
			text := fmt.Sprintf(s.config, address, place.to.address(), staticToken, folder, place.certificate, inner)
			return program, s.args(config), os.WriteFile(config, []byte(text), 0o600)
		})
		if err != nil {
			return nil, err
		}
		if t.http2 = place.certificate != ""; t.http2 {
			t.base = strings.Replace(t.base, "http:", "https:", 1)
		}
		targets = append(targets, t)
	}
	return targets, nil
}

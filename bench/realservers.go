package main

// nginxHead begins those before an API over TLS.
const nginxHead = nginxTop + `  keepalive_requests 1000000;
  proxy_http_version 1.1;
  proxy_buffers 16 8k;
`

// nginxRewriting rewrites what it gets as it is, and compresses it.
const nginxRewriting = `
      sub_filter_types application/json;
      sub_filter_once off;
      sub_filter "https://%[2]s/v1/" "http://%[1]s/v1/";
      gzip on;
      gzip_proxied any;
      gzip_types application/json;
`

// nginxPlain asks the API for its answers as they are, as is usual with sub_filter, which cannot unpack.
const nginxPlain = `
    location / {
      proxy_set_header Connection "";
      proxy_pass https://api;
      proxy_set_header Authorization "Bearer %[3]s";
      proxy_set_header Accept-Encoding "";
` + nginxRewriting + `
    }
  }
}
`

// nginxUnpacking asks for gzip. Its gunzip passes on what its own client takes compressed, so it takes a second server behind
// the first to unpack.
const nginxUnpacking = `
    location / {
      proxy_set_header Connection "";
      proxy_pass http://%[6]s;
      proxy_set_header Accept-Encoding "";
` + nginxRewriting + `
    }
  }
  server {
    listen %[6]s;
    location / {
      proxy_set_header Connection "";
      gunzip on;
      proxy_pass https://api;
      proxy_set_header Authorization "Bearer %[3]s";
      proxy_set_header Accept-Encoding gzip;
    }
  }
}
`

const caddyBefore = `
  reverse_proxy https://%[2]s {
    header_up Authorization "Bearer %[3]s"
    transport http {
      tls_insecure_skip_verify
      keepalive_idle_conns_per_host 256
    }
  }
}
`

const caddyHead = `{
  admin off
  auto_https off
  storage file_system %[4]s
}
`

// realServers ask over TLS; those with sub_filter rewrite the links that Stagedoor rewrites.
var realServers = []server{
	{"nginx, sub_filter, plain from the API", "nginx", nginxArgs, nginxHead + "server {\nlisten %[1]s;\n" + nginxPlain},
	{"nginx, sub_filter, gzip from the API", "nginx", nginxArgs, nginxHead + "server {\nlisten %[1]s;\n" + nginxUnpacking},
	{"caddy, no rewriting", "caddy", caddyArgs, caddyHead + "http://%[1]s {" + caddyBefore},
}

// http2Servers are the same with clients over TLS.
var http2Servers = []server{
	{"nginx, sub_filter, plain from the API", "nginx", nginxArgs,
		nginxHead + "server {\nlisten %[1]s ssl http2;\nssl_certificate %[5]s;\nssl_certificate_key %[5]s;\n" + nginxPlain},
	{"caddy, no rewriting", "caddy", caddyArgs, caddyHead + "https://%[1]s {\ntls %[5]s %[5]s\n" + caddyBefore},
}

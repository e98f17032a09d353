package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The Host that a frontend is asked with, and that the address by which the browser came is told beside it either way.
func TestFrontendHost(t *testing.T) {
	for setting, public := range map[string]bool{"": true, HostPublic: true, HostUpstream: false} {
		s := newStage(t, func(o *Options) { o.Routes[1].Host = setting })
		s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://"+r.Host+"/docs/", http.StatusMovedPermanently)
		})
		a := s.get("/docs", header())
		want := strings.TrimPrefix(s.frontend.URL, "http://")
		if public {
			want = s.addr
		}
		got := s.frontend.one(t)
		if got.Host != want || got.Header.Get("X-Forwarded-Host") != s.addr || got.Header.Get("X-Forwarded-Proto") != "http" {
			t.Errorf("host %q: asked with %s, want %s; %v", setting, got.Host, want, got.Header)
		}
		if location := a.Header.Get("Location"); location != s.public+"/docs/" {
			t.Errorf("host %q: the redirect leads to %s", setting, location)
		}
	}
	for upstream, public := range map[string]bool{"http://web": true, "HTTP://web": true, "https://web": false} {
		if got := (Route{Upstream: upstream}).asksForPublicHost(); got != public {
			t.Errorf("%s is asked with the public Host: %t", upstream, got)
		}
	}
}

// A client's Host is none of its business.
func TestFrontendHostIsNotTheClients(t *testing.T) {
	s := newStage(t)
	s.raw("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
	if got := s.frontend.one(t).Host; got != s.addr {
		t.Errorf("the frontend is asked with %s", got)
	}
}

func TestFrontendWebSocketComparesOriginWithHost(t *testing.T) {
	s := newStage(t)
	s.frontend.answer(func(w http.ResponseWriter, r *http.Request) { // as gorilla/websocket does by default
		if u, err := url.Parse(r.Header.Get("Origin")); err != nil || !strings.EqualFold(u.Host, r.Host) {
			http.Error(w, "request origin not allowed by Upgrader.CheckOrigin", http.StatusForbidden)
			return
		}
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	for origin, want := range map[string]int{s.public: http.StatusSwitchingProtocols, foreignOrigin: http.StatusForbidden} {
		a := s.raw("GET /ws HTTP/1.1\r\nHost: " + s.addr + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nOrigin: " + origin + "\r\n\r\n")
		if a.StatusCode != want {
			t.Errorf("from %s: %d %s, want %d", origin, a.StatusCode, a.body, want)
		}
	}
}

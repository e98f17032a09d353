package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"stagedoor/proxy/policy"
)

func TestFrontendSeesEverythingButOurCookies(t *testing.T) {
	s := newStage(t)
	s.do("PATCH", "/x%2Fy/../z;a//?q=%zz;b&access_token=1", header(
		"Cookie: a=\"1\"; stagedoor=secret; b=x=y;STAGEDOOR-login=s", "Cookie: stagedoor=2",
		"Authorization: Bearer theirs", "X-Custom: 1", "Referer: http://x/", "X-Stagedoor-User: forged", "Origin: "+foreignOrigin),
		strings.NewReader("body")).ok(t, 204)
	got := s.frontend.one(t)
	if got.RequestURI != "/x%2Fy/../z;a//?q=%zz;b&access_token=1" || got.Method != "PATCH" || got.body != "body" {
		t.Errorf("received %s %s %q", got.Method, got.RequestURI, got.body)
	}
	if cookies := got.Header.Values("Cookie"); !slices.Equal(cookies, []string{`a="1"; b=x=y`}) {
		t.Errorf("cookies %q", cookies)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer theirs", "X-Custom": "1", "Referer": "http://x/", "X-Stagedoor-User": "", "Origin": foreignOrigin,
		"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": s.addr, "X-Forwarded-Proto": "http",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	if len(got.Header.Get("X-Request-Id")) != 16 {
		t.Errorf("request id %q", got.Header.Get("X-Request-Id"))
	}
}

func TestForwardedHeadersAreBelievedFromTrustedProxiesOnly(t *testing.T) {
	sent := header("X-Forwarded-For: 198.51.100.7", "X-Forwarded-Host: app.example", "X-Forwarded-Proto: https",
		"X-Forwarded-Port: 443", "X-Real-Ip: 198.51.100.7", "Forwarded: for=198.51.100.7")
	stranger := newStage(t)
	stranger.get("/", sent).ok(t, 204)
	h := stranger.frontend.one(t).Header
	for name, want := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": stranger.addr,
		"X-Forwarded-Proto": "http", "X-Forwarded-Port": "", "X-Real-Ip": "", "Forwarded": ""} {
		if got := h.Get(name); got != want {
			t.Errorf("from a stranger, %s is %q, want %q", name, got, want)
		}
	}
	trusted := newStage(t, func(o *Options) { o.Server.TrustedProxies = []string{"127.0.0.0/8"} })
	trusted.get("/", sent).ok(t, 204)
	h = trusted.frontend.one(t).Header
	for name, want := range map[string]string{"X-Forwarded-For": "198.51.100.7, 127.0.0.1", "X-Forwarded-Host": "app.example",
		"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "X-Real-Ip": "198.51.100.7", "Forwarded": "for=198.51.100.7"} {
		if got := h.Get(name); got != want {
			t.Errorf("from a trusted proxy, %s is %q, want %q", name, got, want)
		}
	}
}

// TestUnderscoresAreNoDashes sends what many frontends take for X-Forwarded-For and its like.
func TestUnderscoresAreNoDashes(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Server.TrustedProxies = []string{"127.0.0.0/8"} })
	s.get("/", header("X_Forwarded_For: 6.6.6.6", "X-Forwarded_Host: evil", "X_Real-Ip: 6.6.6.6", "X_Request_Id: evil",
		"X_Stagedoor_User: admin", "My_Own: 1")).ok(t, 204)
	h := s.frontend.one(t).Header
	for name := range h {
		if strings.Contains(name, "_") && name != "My_own" {
			t.Errorf("the frontend saw %s: %s", name, h[name])
		}
	}
	if h.Get("My_Own") != "1" {
		t.Errorf("the frontend's own header is gone: %v", h)
	}
}

// TestFrontendIsNotBlamedForAClient sends a body that breaks off in nonsense, and methods that only HTTP/2 can carry.
func TestFrontendIsNotBlamedForAClient(t *testing.T) {
	s := newStage(t)
	s.raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nnonsense\r\n").rejected(t, 400, "INVALID_REQUEST")
	for method, want := range map[string]bool{
		"GET": true, "get": true, "M-SEARCH": true, "": false, "GET /": false, "G\tET": false, "GET\r\n": false, "G(E)T": false, "GÉT": false,
	} {
		if got := policy.IsToken(method); got != want {
			t.Errorf("%q is a method: %v, want %v", method, got, want)
		}
	}
}

func TestFrontendSwitchesToWebSocketsOnly(t *testing.T) {
	s := newStage(t)
	for i, protocol := range []string{"h2c", "websocket, h2c", "websocket"} {
		s.get("/", header("Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABk", "Upgrade: "+protocol)).ok(t, 204)
		h := s.frontend.all()[i].Header
		if got := h.Get("Upgrade"); (got == "websocket") != (protocol == "websocket") || (got == "") != (h.Get("Connection") == "") {
			t.Errorf("%s: the frontend saw %v", protocol, h)
		}
	}
}

func TestFrontendCannotTouchOurCookies(t *testing.T) {
	s := newStage(t)
	bad := []string{"stagedoor=evil; Path=/", " stagedoor =evil", "=stagedoor=evil", "STAGEDOOR=evil", "stagedoor", "stagedoor-login=evil"}
	good := []string{"theirs=1; HttpOnly", "stagedoorx=1", "x=stagedoor"}
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range slices.Concat(bad, good) {
			w.Header().Add("Set-Cookie", line)
		}
		setAll(w.Header(), []string{"Stagedoor-Reason: LOGIN_REQUIRED", "X-Request-Id: evil", "Content-Security-Policy: default-src 'self'",
			"Access-Control-Allow-Origin: *", "Link: </x>", "Strict-Transport-Security: max-age=0"}, "")
		w.WriteHeader(http.StatusEarlyHints)
		_, _ = io.WriteString(w, "body")
		_ = http.NewResponseController(w).Flush()
		w.Header().Set(http.TrailerPrefix+"Stagedoor-Reason", "X")
		w.Header().Set(http.TrailerPrefix+"X-Theirs", "1")
	})
	answer := s.get("/", header())
	answer.ok(t, 200)
	if got := answer.Header.Values("Set-Cookie"); !slices.Equal(got, good) {
		t.Errorf("cookies %q", got)
	}
	if id := answer.Header.Values("X-Request-Id"); len(id) != 1 || id[0] == "evil" {
		t.Errorf("request id %q", id)
	}
	for _, name := range []string{"Content-Security-Policy", "Access-Control-Allow-Origin", "Link"} {
		if answer.Header.Get(name) == "" {
			t.Errorf("the frontend's own %s is gone", name)
		}
	}
	if answer.Trailer.Get("Stagedoor-Reason") != "" || answer.Trailer.Get("X-Theirs") != "1" {
		t.Errorf("trailers %v", answer.Trailer)
	}
}

func TestFrontendEventsStream(t *testing.T) {
	s := newStage(t)
	more := make(chan struct{})
	s.frontend.answer(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-more
		_, _ = io.WriteString(w, "data: 2\n\n")
	})
	res, err := http.Get("http://" + s.addr + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	if first, err := lines.ReadString('\n'); err != nil || first != "data: 1\n" {
		t.Fatalf("%q, %v", first, err)
	}
	close(more)
	if rest, err := io.ReadAll(lines); err != nil || string(rest) != "\ndata: 2\n\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestWebSocketsPass(t *testing.T) {
	s := newStage(t)
	var seen http.Header
	s.frontend.answer(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Header.Clone()
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Set-Cookie: stagedoor=evil\r\nX-Request-Id: evil\r\nX-Theirs: 1\r\n\r\n")
		_, _ = io.Copy(conn, buffered) // an echo
	})
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: stagedoor=1; a=1\r\n\r\n")
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "hello")
	echo := make([]byte, 5)
	if _, err := io.ReadFull(reader, echo); err != nil || string(echo) != "hello" {
		t.Errorf("echo %q, %v", echo, err)
	}
	id := res.Header.Values("X-Request-Id")
	if len(id) != 1 || id[0] == "evil" || res.Header.Get("Set-Cookie") != "" || res.Header.Get("X-Theirs") != "1" {
		t.Errorf("header %v", res.Header)
	}
	if seen.Get("Cookie") != "a=1" {
		t.Errorf("the frontend saw cookie %q", seen.Get("Cookie"))
	}
	_ = conn.Close()
	if status := s.accessLine(0).ContextMap()["status"]; status != int64(101) {
		t.Errorf("logged status %v", status)
	}
}

func TestFrontendMethods(t *testing.T) {
	s := newStage(t, func(o *Options) { o.Routes[1].Methods = []string{"GET"} })
	s.get("/", nil).ok(t, 204)
	answer := s.do("POST", "/", nil, nil)
	answer.rejected(t, 405, "METHOD_REFUSED")
	if answer.Header.Get("Allow") != "GET" {
		t.Errorf("Allow %q", answer.Header.Get("Allow"))
	}
}

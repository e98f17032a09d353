package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// everydayLife is what every flow has: strangers, a login, calls that go well and wrong, mistakes and malice.
func (s *scene) everydayLife(login func(v *visitor, user string)) *visitor {
	s.t.Helper()
	stranger := s.visitor()
	s.endpoints(stranger)
	ada := s.visitor()
	login(ada, "ada")
	s.endpoints(ada)
	s.calls(ada)
	s.echoes(ada)
	s.mistakes(ada)
	s.malformed(ada)
	s.breakFrontend(ada)
	s.connect()

	ben := s.visitor()
	login(ben, "ben")
	ben.do(http.MethodPost, "/auth/logout?everywhere=true", "").expect(s.t, "a logout", http.StatusNoContent, "")
	s.endpoints(ben)
	login(ada, "ada") // what happened to the session, and the id of the one before
	return ada
}

// endpoints asks each endpoint and some pages, as a script and as a person.
func (s *scene) endpoints(v *visitor) {
	s.t.Helper()
	for _, path := range []string{
		"/auth/session", "/auth/sessions", "/auth/verify", "/auth/client.js", "/auth/nothing", "/auth/callback", "/auth/connect",
		"/api/me", "/api/me/playlists", "/api/nothing", "/box/me/player", "/", "/metrics", "/debug/pprof/cmdline",
	} {
		v.get(path)
		if strings.HasPrefix(path, "/auth/") || v.status().Authenticated { // else a login would follow
			v.get(path, "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate")
		}
	}
	v.do(http.MethodPost, "/auth/token", "")
	v.do(http.MethodDelete, "/auth/sessions/0123456789abcdef", "")
	v.do(http.MethodPost, "/auth/logout", "", "Origin", "https://evil.example")
}

// calls meet every fault that the API has, and the token endpoint's for what they need of it.
func (s *scene) calls(v *visitor) {
	s.t.Helper()
	var refused sync.WaitGroup
	for i, preset := range simulator.PresetNames() {
		if strings.HasPrefix(preset, "api-429") { // on a path with a gate of its own, all under way before the first closes it
			path := fmt.Sprintf("/playlists/%d/images", i)
			s.preset(preset, func(f *simulator.Fault) { f.Match.Path, f.Delay, f.Trailer = "/v1"+path, 300*time.Millisecond, nil })
			refused.Go(func() { _, _ = v.try(http.MethodPut, "/api"+path, "", "Content-Type", "image/jpeg") }) // some are cut
		}
	}
	refused.Wait()
	for _, preset := range simulator.PresetNames() {
		if slices.Contains([]string{"api-slow", "api-hang", "api-bare-401"}, preset) || strings.HasPrefix(preset, "token-") ||
			strings.HasPrefix(preset, "api-429") {
			continue // the last is a second longer than api-spurious-401, and no other
		}
		fault := s.preset(preset, func(f *simulator.Fault) { f.Match.Path, f.Trailer = "/v1/me/player", nil })
		_, _ = v.try(http.MethodGet, "/api/me/player", "") // some are cut
		s.spotify.ClearFault(fault)
	}
	hostile := s.preset("api-hostile", func(*simulator.Fault) {})
	v.get("/api/me")
	s.spotify.ClearFault(hostile)
	s.spotify.ExpireAccessTokens()
	v.get("/api/me") // refreshed, where there is a refresh token
}

// echoes are errors of Spotify's that repeat the token. They are Spotify's own words and pass as they are; the logs have
// nothing of them.
func (s *scene) echoes(v *visitor) {
	s.t.Helper()
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError} {
		v.get("/api/me")
		bearers := s.bearers()
		token := bearers[len(bearers)-1]
		echo := s.fault(simulator.Fault{
			Name: "echo", Match: simulator.Match{Path: "/v1/me", Exact: true}, Status: status,
			Header: http.Header{"Content-Type": {"application/json"}, "X-Echo": {token}},
			Body:   fmt.Sprintf(`{"error":{"status":%d,"message":"Insufficient client scope: Bearer %s"}}`, status, token),
		})
		if a := v.unseen().get("/api/me"); !strings.Contains(a.body, token) || a.status != status {
			s.t.Errorf("Spotify's own answer is %d %s", a.status, a.body)
		}
		s.spotify.ClearFault(echo)
	}
}

// mistakes put secrets where they do not belong: into queries, headers and the wrong parameters.
func (s *scene) mistakes(v *visitor) {
	s.t.Helper()
	home, err := url.Parse(s.balancer.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	misplaced := []string{s.bearers()[0]}
	for _, cookie := range v.client.Jar.Cookies(home) {
		misplaced = append(misplaced, cookie.Value)
	}
	for label, value := range s.spotify.Issued() {
		if strings.HasSuffix(label, "/code/1") || strings.HasSuffix(label, "/refresh/1") {
			misplaced = append(misplaced, value)
		}
	}
	for _, secret := range misplaced {
		query := "?access_token=" + secret + "&code=" + secret + "&state=" + secret
		for _, path := range []string{
			"/api/me", "/api/nothing", "/api/..%2fme", "/auth/callback", "/auth/session", "/auth/nothing", "/box/me/player", "/",
			"/nothing",
		} {
			v.get(path + query)
		}
		for _, path := range []string{
			"/auth/callback?error=" + secret, "/auth/connect?ticket=" + secret, "/auth/callback?iss=" + secret + "&code=x",
			"/auth/callback?code=x&state=" + secret + "&iss=%zz" + secret,
		} {
			v.get(path)
			v.get(path, "Sec-Fetch-Dest", "document")
		}
		v.do(http.MethodPost, "/auth/logout?everywhere="+secret, "")
		v.do(http.MethodPost, "/auth/fragment", "access_token="+secret+"&state="+secret+"&token_type="+secret)
		v.get("/api/me", "Authorization", "Bearer "+secret, "X-Forwarded-For", secret, "X-Request-Id", secret)
		v.get("/box/me/player", "Authorization", "Bearer "+secret)
	}
	state := v.leaveForConsent()
	s.learn("a state", state)
	denied := v.get("/auth/callback?state=" + state + "&error=" + misplaced[0])
	denied.expect(s.t, "an error that is a token", http.StatusBadRequest, "INVALID_REQUEST")
}

// malformed requests are answered by net/http, or by nobody.
func (s *scene) malformed(v *visitor) {
	s.t.Helper()
	home, err := url.Parse(s.balancer.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	cookies := v.client.Jar.Cookies(home)
	secret, cookie := s.bearers()[0], fmt.Sprintf("Cookie: %s\r\n", cookies[0])
	for i, request := range []string{
		"GET /api/me?access_token=" + secret + " HTTP/9.9\r\nHost: x\r\n" + cookie + "\r\n",
		"GET  /api/me?access_token=" + secret + " HTTP/1.1\r\nHost: x\r\n" + cookie + "\r\n",
		"GET /api/me HTTP/1.1\r\nHost: x\r\n" + cookie + "Bearer " + secret + "\r\n\r\n",
		"GET /api/me HTTP/1.1\r\nHost: " + secret + "@x\r\n" + cookie + "\r\n",
		"GET /api/me HTTP/1.1\r\n" + cookie + "\r\n",
		"BAD\x00METHOD /" + secret + "\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\n" + secret + secret,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + secret,
		"GET /auth/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: stagedoor=\"" + secret + "\x01\"\r\n\r\n",
		"POST /api/me/player/next HTTP/1.1\r\nHost: x\r\nConnection: close\r\nStagedoor-Request: 1\r\n" + cookie +
			"Transfer-Encoding: chunked\r\n\r\n" + secret + "\r\n",
		"POST /auth/logout HTTP/1.1\r\nHost: x\r\nContent-Length: " + secret + "\r\n\r\n",
	} {
		s.note(placeAnswers, s.raw(s.replicas[i%len(s.replicas)], request))
	}
}

// raw sends bytes, and no more, and returns all that comes back.
func (s *scene) raw(p *process, request string) string {
	s.t.Helper()
	connection, err := net.Dial("tcp", p.public())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(startTime))
	_, _ = io.WriteString(connection, request)
	_ = connection.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(connection) // it may be cut
	return string(answer)
}

// breakFrontend lets the frontend break HTTP with what it was asked, codes in the query and all.
func (s *scene) breakFrontend(v *visitor) {
	s.t.Helper()
	for _, path := range []string{"/no-status", "/echo", "/bad-header", "/bad-trailer", "/twice", "/"} {
		for i := range s.replicas {
			s.through(i)
			_, _ = v.try(http.MethodGet, path+"?code="+s.bearers()[0], "") // some are cut
		}
	}
	s.through(-1)
}

// connect makes a shared account by its one-time link, and calls it with keys good and bad.
func (s *scene) connect() {
	s.t.Helper()
	if err := s.spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		s.t.Fatal(err)
	}
	code, stdout, stderr := stagedoor(s.t, quickExit, "accounts", "connect", "box", "-config", s.replicas[0].config)
	opened := link.FindString(stdout)
	_, ticket, found := strings.Cut(opened, "ticket=")
	if code != 0 || !found {
		s.t.Fatalf("accounts connect: code %d, %s%s", code, stdout, stderr)
	}
	s.learn("the ticket", ticket) // which is what the command is there to say, once
	s.note(placeCommands, strings.Replace(stdout, ticket, "", 1)+stderr)
	owner := s.visitor()
	owner.connect(opened)
	owner.connect(opened)
	for _, key := range []string{plainAPIKey, hiddenAPIKey, "wrong" + plainAPIKey, plainAPIKey[1:]} {
		owner.get("/box/me/player", "Authorization", "Bearer "+key)
		owner.get("/box/nothing?key="+key, "Authorization", "Bearer "+key)
	}
}

// appCalls use the app's own token.
func (s *scene) appCalls(v *visitor) {
	s.t.Helper()
	if said := v.onAllReplicas("/app/" + catalogue); said != "200" {
		s.t.Errorf("the app's route says %s", said)
	}
}

// badFragments hand over what is refused.
func (s *scene) badFragments() {
	s.t.Helper()
	v := s.visitor()
	fragment := v.beginImplicit("ben")
	for _, bad := range []string{
		fragment + "&state=x", strings.Replace(fragment, "access_token=", "access_token=x", 1), "%zz" + fragment,
		strings.Replace(fragment, "token_type=Bearer", "token_type=mac", 1), fragment + strings.Repeat("x", 20<<10), fragment,
	} {
		v.handOver(bad)
	}
}

// breakRedis takes Redis away, and lets it refuse the password.
func (s *scene) breakRedis(v *visitor) {
	s.t.Helper()
	look := func(when string) {
		s.t.Helper()
		for _, p := range s.replicas {
			said := s.admin(p, "/readyz")
			if !strings.HasPrefix(said, "503") {
				s.t.Errorf("%s /readyz says %s", when, said)
			}
			s.note(placeAdmin, said)
		}
		s.command(1, "check", "-online", "-config", s.replicas[0].config)
		s.command(1, "sessions", "list", "-config", s.replicas[0].config)
		s.visitor().get("/auth/session")
		v.get("/auth/login")
		v.do(http.MethodPost, "/auth/logout", "")
	}
	const another = "e2e-another-password-90d3"
	s.learn("the other password of Redis", another)
	s.gatherRedis() // what it was sent so far
	s.admitGateways(another)
	s.redisDoes("CLIENT", "KILL", "USER", gatewayUser)
	look("with a wrong password")
	s.redis.Stop()
	look("without Redis")
	s.redis.Start()
	s.admitGateways(redisPassword)
	for _, p := range s.replicas {
		sessiontest.Eventually(s.t, startTime, "the gateway is ready", func() bool {
			return strings.HasPrefix(s.admin(p, "/readyz"), "200")
		})
	}
}

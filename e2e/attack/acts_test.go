package attack

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

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// everydayLife is what every flow has: strangers, a login, calls that go well and wrong, mistakes and malice.
func (s *scene) everydayLife(login func(v *stage.Visitor, user string)) *stage.Visitor {
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
	ben.Do(http.MethodPost, "/auth/logout?everywhere=true", "").Expect(s.t, "a logout", http.StatusNoContent, "")
	s.endpoints(ben)
	login(ada, "ada") // what happened to the session, and the id of the one before
	return ada
}

// endpoints asks each endpoint and some pages, as a script and as a person.
func (s *scene) endpoints(v *stage.Visitor) {
	s.t.Helper()
	for _, path := range []string{
		"/auth/session", "/auth/sessions", "/auth/verify", "/auth/client.js", "/auth/nothing", "/auth/callback", "/auth/connect",
		"/api/me", "/api/me/playlists", "/api/nothing", "/box/me/player", "/", "/metrics", "/debug/pprof/cmdline",
	} {
		v.Get(path)
		if strings.HasPrefix(path, "/auth/") || v.Status().Authenticated { // else a login would follow
			v.Get(path, "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate")
		}
	}
	v.Do(http.MethodPost, "/auth/token", "")
	v.Do(http.MethodDelete, "/auth/sessions/0123456789abcdef", "")
	v.Do(http.MethodPost, "/auth/logout", "", "Origin", "https://evil.example")
}

// calls meet every fault that the API has, and the token endpoint's for what they need of it.
func (s *scene) calls(v *stage.Visitor) {
	s.t.Helper()
	var refused sync.WaitGroup
	for i, preset := range simulator.PresetNames() {
		if strings.HasPrefix(preset, "api-429") { // on a path with a gate of its own, all under way before the first closes it
			path := fmt.Sprintf("/playlists/%d/images", i)
			s.Preset(preset, func(f *simulator.Fault) { f.Match.Path, f.Delay, f.Trailer = "/v1"+path, 300*time.Millisecond, nil })
			refused.Go(func() { _, _ = v.Try(http.MethodPut, "/api"+path, "", "Content-Type", "image/jpeg") }) // some are cut
		}
	}
	refused.Wait()
	for _, preset := range simulator.PresetNames() {
		if slices.Contains([]string{"api-slow", "api-hang", "api-bare-401"}, preset) || strings.HasPrefix(preset, "token-") ||
			strings.HasPrefix(preset, "api-429") {
			continue // the last is a second longer than api-spurious-401, and no other
		}
		fault := s.Preset(preset, func(f *simulator.Fault) { f.Match.Path, f.Trailer = "/v1/me/player", nil })
		_, _ = v.Try(http.MethodGet, "/api/me/player", "") // some are cut
		s.Spotify.ClearFault(fault)
	}
	hostile := s.Preset("api-hostile", func(*simulator.Fault) {})
	v.Get("/api/me")
	s.Spotify.ClearFault(hostile)
	s.Spotify.ExpireAccessTokens()
	v.Get("/api/me") // refreshed, where there is a refresh token
}

// echoes are errors of Spotify's that repeat the token. They are Spotify's own words and pass as they are; the logs have
// nothing of them.
func (s *scene) echoes(v *stage.Visitor) {
	s.t.Helper()
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusInternalServerError} {
		v.Get("/api/me")
		bearers := s.Bearers()
		token := bearers[len(bearers)-1]
		echo := s.Fault(simulator.Fault{
			Name: "echo", Match: simulator.Match{Path: "/v1/me", Exact: true}, Status: status,
			Header: http.Header{"Content-Type": {"application/json"}, "X-Echo": {token}},
			Body:   fmt.Sprintf(`{"error":{"status":%d,"message":"Insufficient client scope: Bearer %s"}}`, status, token),
		})
		if a := unseen(v).Get("/api/me"); !strings.Contains(a.Body, token) || a.Status != status {
			s.t.Errorf("Spotify's own answer is %d %s", a.Status, a.Body)
		}
		s.Spotify.ClearFault(echo)
	}
}

// mistakes put secrets where they do not belong: into queries, headers and the wrong parameters.
func (s *scene) mistakes(v *stage.Visitor) {
	s.t.Helper()
	home, err := url.Parse(s.Balancer.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	misplaced := []string{s.Bearers()[0]}
	for _, cookie := range v.Client.Jar.Cookies(home) {
		misplaced = append(misplaced, cookie.Value)
	}
	for label, value := range s.Spotify.Issued() {
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
			v.Get(path + query)
		}
		for _, path := range []string{
			"/auth/callback?error=" + secret, "/auth/connect?ticket=" + secret, "/auth/callback?iss=" + secret + "&code=x",
			"/auth/callback?code=x&state=" + secret + "&iss=%zz" + secret,
		} {
			v.Get(path)
			v.Get(path, "Sec-Fetch-Dest", "document")
		}
		v.Do(http.MethodPost, "/auth/logout?everywhere="+secret, "")
		v.Do(http.MethodPost, "/auth/fragment", "access_token="+secret+"&state="+secret+"&token_type="+secret)
		v.Get("/api/me", "Authorization", "Bearer "+secret, "X-Forwarded-For", secret, "X-Request-Id", secret)
		v.Get("/box/me/player", "Authorization", "Bearer "+secret)
	}
	state := leaveForConsent(v)
	s.learn("a state", state)
	denied := v.Get("/auth/callback?state=" + state + "&error=" + misplaced[0])
	denied.Expect(s.t, "an error that is a token", http.StatusBadRequest, "INVALID_REQUEST")
}

// malformed requests are answered by net/http, or by nobody.
func (s *scene) malformed(v *stage.Visitor) {
	s.t.Helper()
	home, err := url.Parse(s.Balancer.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	cookies := v.Client.Jar.Cookies(home)
	secret, cookie := s.Bearers()[0], fmt.Sprintf("Cookie: %s\r\n", cookies[0])
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
		s.record(placeAnswers, s.raw(s.Replicas[i%len(s.Replicas)], request))
	}
}

// raw sends bytes, and no more, and returns all that comes back.
func (s *scene) raw(p *stage.Process, request string) string {
	s.t.Helper()
	connection, err := net.Dial("tcp", p.Public())
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	_ = connection.SetDeadline(time.Now().Add(stage.StartTime))
	_, _ = io.WriteString(connection, request)
	_ = connection.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(connection) // it may be cut
	return string(answer)
}

// breakFrontend lets the frontend break HTTP with what it was asked, codes in the query and all.
func (s *scene) breakFrontend(v *stage.Visitor) {
	s.t.Helper()
	for _, path := range []string{"/no-status", "/echo", "/bad-header", "/bad-trailer", "/twice", "/"} {
		for i := range s.Replicas {
			s.Through(i)
			_, _ = v.Try(http.MethodGet, path+"?code="+s.Bearers()[0], "") // some are cut
		}
	}
	s.Through(-1)
}

// connect makes a shared account by its one-time link, and calls it with keys good and bad.
func (s *scene) connect() {
	s.t.Helper()
	if err := s.Spotify.SetConsent(simulator.Consent{User: "ada"}); err != nil {
		s.t.Fatal(err)
	}
	code, stdout, stderr := stage.Stagedoor(s.t, quickExit, "accounts", "connect", "box", "-config", s.Replicas[0].Config)
	opened := stage.Link.FindString(stdout)
	_, ticket, found := strings.Cut(opened, "ticket=")
	if code != 0 || !found {
		s.t.Fatalf("accounts connect: code %d, %s%s", code, stdout, stderr)
	}
	s.learn("the ticket", ticket) // which is what the command is there to say, once
	s.record(placeCommands, strings.Replace(stdout, ticket, "", 1)+stderr)
	owner := s.visitor()
	owner.Connect(opened)
	owner.Connect(opened)
	for _, key := range []string{plainAPIKey, hiddenAPIKey, "wrong" + plainAPIKey, plainAPIKey[1:]} {
		owner.Get("/box/me/player", "Authorization", "Bearer "+key)
		owner.Get("/box/nothing?key="+key, "Authorization", "Bearer "+key)
	}
}

// appCalls use the app's own token.
func (s *scene) appCalls(v *stage.Visitor) {
	s.t.Helper()
	if said := v.OnAllReplicas("/app/" + stage.Catalogue); said != "200" {
		s.t.Errorf("the app's route says %s", said)
	}
}

// badFragments hand over what is refused.
func (s *scene) badFragments() {
	s.t.Helper()
	v := s.visitor()
	fragment := v.BeginImplicit("ben")
	for _, bad := range []string{
		fragment + "&state=x", strings.Replace(fragment, "access_token=", "access_token=x", 1), "%zz" + fragment,
		strings.Replace(fragment, "token_type=Bearer", "token_type=mac", 1), fragment + strings.Repeat("x", 20<<10), fragment,
	} {
		v.HandOver(bad)
	}
}

// breakRedis stops Redis, and lets it refuse the password.
func (s *scene) breakRedis(v *stage.Visitor) {
	s.t.Helper()
	look := func(when string) {
		s.t.Helper()
		for _, p := range s.Replicas {
			said := s.admin(p, "/readyz")
			if !strings.HasPrefix(said, "503") {
				s.t.Errorf("%s /readyz says %s", when, said)
			}
			s.record(placeAdmin, said)
		}
		s.command(1, "check", "-online", "-config", s.Replicas[0].Config)
		s.command(1, "sessions", "list", "-config", s.Replicas[0].Config)
		s.visitor().Get("/auth/session")
		v.Get("/auth/login")
		v.Do(http.MethodPost, "/auth/logout", "")
	}
	const another = "e2e-another-password-90d3"
	s.learn("the other password of Redis", another)
	s.gatherRedis() // what it was sent so far
	s.admitGateways(another)
	s.redisDoes("CLIENT", "KILL", "USER", stage.GatewayUser)
	look("with a wrong password")
	s.Redis.Stop()
	look("without Redis")
	s.Redis.Start()
	s.admitGateways(redisPassword)
	for _, p := range s.Replicas {
		sessiontest.Eventually(s.t, stage.StartTime, "the gateway is ready", func() bool {
			return strings.HasPrefix(s.admin(p, "/readyz"), "200")
		})
	}
}

package attack

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/zap"

	"stagedoor/e2e/stage"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
)

// maxStoreCommands is how many commands of Redis one request may cause, those inside of scripts among them.
const maxStoreCommands = 30

// storeCommands counts the commands that Redis has carried out for requests: not those that keep connections.
func storeCommands(w *stage.World) int {
	w.T.Helper()
	reply := w.RedisDo("INFO", "commandstats").(string)
	total := 0
	for scanner := bufio.NewScanner(strings.NewReader(reply)); scanner.Scan(); {
		name, figures, _ := strings.Cut(strings.TrimPrefix(scanner.Text(), "cmdstat_"), ":calls=")
		calls, _, _ := strings.Cut(figures, ",")
		n, err := strconv.Atoi(calls)
		command, _, _ := strings.Cut(name, "|")
		switch command {
		case "ping", "info", "client", "hello", "subscribe", "command", "cluster", "script", "select", "auth":
		default:
			if err == nil {
				total += n
			}
		}
	}
	return total
}

// TestRequestsMakeFewStoreCommands sends as many session cookies as server.max_header takes with requests of every kind:
// 1,100 over HTTP/1.1, and 600 over HTTP/2, which counts 32 bytes more for each (RFC 9113 section 6.5.2).
func TestRequestsMakeFewStoreCommands(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	v.Login("ada")
	for name, version := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		version(transport.Protocols)
		count := 1100
		if transport.Protocols.UnencryptedHTTP2() {
			count = 600
		}
		var different []string
		for i := range count {
			different = append(different, fmt.Sprintf("stagedoor=%042dA", i))
		}
		planted := strings.Join(different, "; ")
		same := strings.TrimSuffix(strings.Repeat("stagedoor="+cookie(v, "stagedoor")+"; ", count), "; ")
		t.Cleanup(transport.CloseIdleConnections)
		send := func(method, path, cookies string, want int) {
			t.Helper()
			before := storeCommands(w)
			request, err := http.NewRequest(method, "http://"+w.Replicas[0].Public()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Origin", w.Balancer.URL)
			request.Header.Set("Cookie", cookies)
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != want {
				t.Errorf("%s: %s %s answered %d, want %d", name, method, path, response.StatusCode, want)
			}
			if spent := storeCommands(w) - before; spent > maxStoreCommands {
				t.Errorf("%s: %s %s made %d commands, want %d at most", name, method, path, spent, maxStoreCommands)
			}
		}
		own := strings.TrimSpace(strings.TrimPrefix(rawCookie(v), "Cookie: "))
		for _, path := range []string{"/auth/logout", "/auth/logout?everywhere=true"} {
			send(http.MethodPost, path, planted+"; "+own, http.StatusBadRequest)
		}
		v.ExpectIn(name + ": after logouts that were rejected")
		for path, want := range map[string]int{
			"/auth/sessions": 401, "/auth/session": 200, "/auth/verify": 401, "/api/me": 401, "/auth/login?scope=" + strings.Repeat("streaming+", 200): 302,
		} {
			send(http.MethodGet, path, planted, want)
			switch {
			case path == "/auth/verify":
				want = http.StatusNoContent
			case want == http.StatusUnauthorized:
				want = http.StatusOK
			}
			send(http.MethodGet, path, same, want)
		}
		guest := surfer(w)
		back := consented(guest, "ben")
		send(http.MethodGet, "/auth/callback?"+back.Encode(),
			strings.TrimSpace(strings.TrimPrefix(rawCookie(guest), "Cookie: "))+"; "+planted, http.StatusSeeOther)
		for _, path := range []string{"/auth/sessions/0123456789abcdef", "/auth/sessions/" + strings.Repeat("0", 1000)} {
			send(http.MethodDelete, path, planted, http.StatusUnauthorized)
		}
		send(http.MethodPost, "/auth/logout", same, http.StatusNoContent)
		v.ExpectOut(name + ": after the logout")
		v.Login("ada")
	}
}

// loginsOf logs a user in from so many browsers, or so many times from one.
func loginsOf(w *stage.World, count int, oneBrowser bool, userAgent string) []*stage.Visitor {
	var all []*stage.Visitor
	v := w.Visitor()
	for range count {
		if !oneBrowser {
			v = w.Visitor()
		}
		v.Client.Transport = withUserAgent{v.Client.Transport, userAgent}
		v.Login("ada")
		all = append(all, v)
	}
	return all
}

// withUserAgent is a browser that calls itself something.
type withUserAgent struct {
	next http.RoundTripper
	name string
}

// RoundTrip implements http.RoundTripper.
func (u withUserAgent) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", u.name)
	return u.next.RoundTrip(r)
}

// typicalBrowser is what a browser says of itself.
const typicalBrowser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"

// TestManySessionsEnd ends all sessions of users who have so many, or such, that their list was lost once.
func TestManySessionsEnd(t *testing.T) {
	stage.OnlyLong(t, "hundreds of logins")
	t.Parallel()
	for name, c := range map[string]struct {
		logins     int
		oneBrowser bool
		userAgent  string
		operator   bool // ends them, after all lists were lost
	}{
		"many":                       {300, false, typicalBrowser, false},
		"hostile":                    {90, false, strings.Repeat("<", 120), false},
		"one browser, and another":   {278, true, typicalBrowser, false},
		"lost lists, by an operator": {20, false, typicalBrowser, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := stage.NewWorld(t, stage.Options{Session: "max_per_user: 500"})
			all := append(loginsOf(w, 1, false, typicalBrowser), loginsOf(w, c.logins, c.oneBrowser, c.userAgent)...)
			live := len(all)
			if c.oneBrowser {
				live = 2
			}
			if _, own, others := all[live-1].Sessions(); own == "" || len(others) != live-1 {
				t.Errorf("%d other sessions are listed, want %d", len(others), live-1)
			}
			if c.operator {
				w.Forget("*{index:*")
				w.Forget("*{user:*")
				if said := w.Operate(t, "sessions", "revoke", "-all"); said != fmt.Sprintln(live, "sessions ended.") {
					t.Errorf("the command says %q", said)
				}
			} else if a := all[live-1].Do(http.MethodPost, "/auth/logout?everywhere=true", ""); a.Status != http.StatusNoContent {
				t.Errorf("the logout answered %d", a.Status)
			}
			for _, v := range all[:live] {
				v.ExpectOut("afterwards")
			}
		})
	}
}

// TestRevokeAllKeepsOtherClients lets two gateways with two client ids and one key share a Redis.
func TestRevokeAllKeepsOtherClients(t *testing.T) {
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{})
	v := w.Visitor()
	v.Login("ada")
	config := redisstore.DefaultConfig()
	config.Addresses = []string{w.Redis.Addr()}
	store, err := redisstore.New(config, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	sessionConfig := session.DefaultConfig()
	sessionConfig.Keys = []secret.Text{w.Key}
	m, err := session.NewManager(session.Options{
		Config: sessionConfig, Store: store, Leases: store, Lists: store, Bulk: store, Log: zap.NewNop(), Client: "another-client",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if count, err := m.Operator().EndAll(t.Context()); count != 0 || err != nil {
		t.Errorf("%d sessions of another client id ended, %v", count, err)
	}
	if list, err := m.Sessions(t.Context(), "ada"); len(list) != 0 || err != nil {
		t.Errorf("the list has %v, %v", list, err)
	}
	if err := m.Operator().Each(t.Context(), func(list []session.Summary) error {
		t.Errorf("another client id's sessions are listed: %v", list)
		return nil
	}); err != nil {
		t.Error(err)
	}
	v.ExpectIn("after another client id's end of all")
}

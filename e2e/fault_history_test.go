package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// fans are so many users; nil for none, which leaves the simulator's own.
func fans(count int) []simulator.User {
	var users []simulator.User
	for i := range count {
		name := fmt.Sprintf("fan%04d", i+1)
		users = append(users, simulator.User{ID: name, Name: name, Email: name + "@example.com", Country: "GB", Product: "premium"})
	}
	return users
}

// fan is a visitor who is logged in.
type fan struct {
	*visitor
	user string
	// refresh is the simulator's name for the refresh token that came with the login.
	refresh string
}

// crowd logs in so many fans, one after the other, before anybody else logs in. All are users of their own.
func (w *world) crowd(count int) []fan {
	w.t.Helper()
	var all []fan
	for _, user := range fans(count) {
		v := w.visitor()
		v.login(user.ID)
		all = append(all, fan{v, user.ID, fmt.Sprintf("%s/refresh/%d", user.ID, len(all)+1)})
	}
	return all
}

// expiredCrowd is a crowd whose access tokens have ended, by everybody's clock.
func (w *world) expiredCrowd(count int) []fan {
	w.t.Helper()
	short := w.fault(simulator.Fault{
		Match: simulator.Match{Grant: "authorization_code"}, Merge: map[string]any{"expires_in": 1},
	})
	all := w.crowd(count)
	w.spotify.ClearFault(short)
	w.spotify.ExpireAccessTokens()
	last := time.Now()
	sessiontest.Eventually(w.t, 20*time.Second, "the last token has ended", func() bool { return time.Since(last) > time.Second })
	return all
}

// fault puts a fault into force.
func (w *world) fault(f simulator.Fault) int {
	w.t.Helper()
	id, err := w.spotify.AddFault(f)
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// preset puts a well-known fault into force, changed.
func (w *world) preset(name string, change func(*simulator.Fault)) int {
	w.t.Helper()
	f, err := simulator.Preset(name)
	if err != nil {
		w.t.Fatal(err)
	}
	change(&f)
	return w.fault(f)
}

// rotate makes the simulator spend each refresh token, and end the grant of whoever shows a spent one.
func (w *world) rotate() {
	w.t.Helper()
	if err := w.spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		w.t.Fatal(err)
	}
}

// history is what clients were answered. It is safe for concurrent use.
type history struct {
	mu       sync.Mutex // guards what follows
	sent     int
	answers  map[string]int // by status, and the gateway's reason
	slowest  map[string]time.Duration
	foreign  []string // answers that belong to another session
	unlawful []string // answers of a shape that is not promised
}

func newHistory() *history {
	return &history{answers: map[string]int{}, slowest: map[string]time.Duration{}}
}

// me asks who the fan is, and notes the answer.
func (h *history) me(f fan, headers ...string) string {
	return h.ask(f, http.MethodGet, "/api/me", "", headers...)
}

// ask sends a request and notes the answer. It returns how the answer is counted.
func (h *history) ask(f fan, method, path, body string, headers ...string) string {
	begin := time.Now()
	a, err := f.try(method, path, body, headers...)
	took := time.Since(begin)
	kind := strings.TrimSpace(fmt.Sprint(a.status, " ", a.reason()))
	if err != nil {
		kind = "no answer"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent++
	h.answers[kind]++
	h.slowest[kind] = max(h.slowest[kind], took)
	if path == "/api/me" && a.status == http.StatusOK {
		var me struct{ ID string }
		if json.Unmarshal([]byte(a.body), &me) != nil || me.ID != f.user {
			h.foreign = append(h.foreign, f.user+" was told "+a.body)
		}
	}
	if a.status == http.StatusServiceUnavailable && (a.header.Get("Retry-After") == "" || len(a.header["Set-Cookie"]) > 0) {
		h.unlawful = append(h.unlawful, fmt.Sprint(kind, " with ", a.header))
	}
	return kind
}

// all lets requests run at once: each of the fans asks so often who they are.
func (h *history) all(crowd []fan, times int) { h.allAsk(crowd, times, "/api/me") }

// allAsk lets requests run at once: each of the fans asks so often for a path.
func (h *history) allAsk(crowd []fan, times int, path string) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for _, f := range crowd {
		for range times {
			group.Go(func() {
				<-begin
				h.ask(f, http.MethodGet, path, "")
			})
		}
	}
	close(begin)
	group.Wait()
}

// count returns how often the answers were of these kinds; without kinds, how many there were.
func (h *history) count(kinds ...string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	total := 0
	for kind, n := range h.answers {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			total += n
		}
	}
	return total
}

// longest returns how long the slowest answer of a kind took.
func (h *history) longest(kind string) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.slowest[kind].Round(time.Millisecond)
}

func (h *history) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var parts []string
	for kind, n := range h.answers {
		parts = append(parts, fmt.Sprintf("%d × %s", n, kind))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// lawful checks what holds in every case, whatever breaks.
func (h *history) lawful(r *trial) {
	r.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	total := 0
	for _, n := range h.answers {
		total += n
	}
	r.expect("one answer a request, of its own session, 503 with Retry-After and no cookie",
		total == h.sent && h.answers["no answer"] == 0 && len(h.foreign)+len(h.unlawful) == 0,
		"%d requests had %d answers %v; %v; %v", h.sent, total, h.answers, h.foreign, h.unlawful)
}

const (
	ok             = "200"
	loginRequired  = "401 LOGIN_REQUIRED"
	reauthorize    = "401 REAUTHORIZATION_REQUIRED"
	tokenEndpoint  = "503 TOKEN_ENDPOINT_UNAVAILABLE"
	storeAway      = "503 STORE_UNAVAILABLE"
	clientIsWrong  = "503 CLIENT_MISCONFIGURED"
	neverPresented = "no refresh token succeeds twice, and none comes back once it is spent"
)

// refreshes returns the refresh calls that the token endpoint has seen.
func (w *world) refreshes() []simulator.Seen {
	return w.spotify.Seen(simulator.Filter{Match: simulator.Match{Grant: "refresh_token"}})
}

// tokensOnce checks the simulator's log: what no gateway may do with refresh tokens.
func (w *world) tokensOnce(r *trial) {
	r.Helper()
	spent, twice := map[string]bool{}, []string{}
	for _, call := range w.refreshes() {
		if spent[call.Token] {
			twice = append(twice, call.Token)
		}
		if call.Outcome == "rotated" {
			spent[call.Token] = true
		}
	}
	r.expect(neverPresented, len(twice) == 0, "%v did", twice)
}

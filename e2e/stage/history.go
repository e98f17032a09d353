package stage

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

// Fans are so many users; nil for none, which leaves the simulator's own.
func Fans(count int) []simulator.User {
	var users []simulator.User
	for i := range count {
		name := fmt.Sprintf("fan%04d", i+1)
		users = append(users, simulator.User{ID: name, Name: name, Email: name + "@example.com", Country: "GB", Product: "premium"})
	}
	return users
}

// Fan is a visitor who is logged in.
type Fan struct {
	*Visitor
	User string
	// refresh is the simulator's name for the refresh token that came with the login.
	Refresh string
}

// Crowd logs in so many fans, one after the other, before anybody else logs in. All are users of their own.
func (w *World) Crowd(count int) []Fan {
	w.T.Helper()
	var all []Fan
	for _, user := range Fans(count) {
		v := w.Visitor()
		v.Login(user.ID)
		all = append(all, Fan{v, user.ID, fmt.Sprintf("%s/refresh/%d", user.ID, len(all)+1)})
	}
	return all
}

// ExpiredCrowd is a crowd whose access tokens have ended, by everybody's clock.
func (w *World) ExpiredCrowd(count int) []Fan {
	w.T.Helper()
	short := w.Fault(simulator.Fault{
		Match: simulator.Match{Grant: "authorization_code"}, Merge: map[string]any{"expires_in": 1},
	})
	all := w.Crowd(count)
	w.Spotify.ClearFault(short)
	w.Spotify.ExpireAccessTokens()
	last := time.Now()
	sessiontest.Eventually(w.T, 20*time.Second, "the last token has ended", func() bool { return time.Since(last) > time.Second })
	return all
}

// Fault puts a fault into force.
func (w *World) Fault(f simulator.Fault) int {
	w.T.Helper()
	id, err := w.Spotify.AddFault(f)
	if err != nil {
		w.T.Fatal(err)
	}
	return id
}

// Preset puts a well-known fault into force, changed.
func (w *World) Preset(name string, change func(*simulator.Fault)) int {
	w.T.Helper()
	f, err := simulator.Preset(name)
	if err != nil {
		w.T.Fatal(err)
	}
	change(&f)
	return w.Fault(f)
}

// Rotate makes the simulator spend each refresh token, and end the grant of a client that sends a spent one.
func (w *World) Rotate() {
	w.T.Helper()
	if err := w.Spotify.SetRefreshMode(simulator.RefreshRotate); err != nil {
		w.T.Fatal(err)
	}
}

// History is what clients were answered. It is safe for concurrent use.
type History struct {
	Mu       sync.Mutex // guards what follows
	Sent     int
	Answers  map[string]int // by status, and the gateway's reason
	Slowest  map[string]time.Duration
	Foreign  []string // answers that belong to another session
	Unlawful []string // answers of a shape that is not promised
}

// NewHistory makes an empty one.
func NewHistory() *History {
	return &History{Answers: map[string]int{}, Slowest: map[string]time.Duration{}}
}

// Me asks who the fan is, and records the answer.
func (h *History) Me(f Fan, headers ...string) string {
	return h.Ask(f, http.MethodGet, "/api/me", "", headers...)
}

// Ask sends a request and records the answer. It returns how the answer is counted.
func (h *History) Ask(f Fan, method, path, body string, headers ...string) string {
	begin := time.Now()
	a, err := f.Try(method, path, body, headers...)
	took := time.Since(begin)
	kind := strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Reason()))
	if err != nil {
		kind = "no answer"
	}
	h.Mu.Lock()
	defer h.Mu.Unlock()
	h.Sent++
	h.Answers[kind]++
	h.Slowest[kind] = max(h.Slowest[kind], took)
	if path == "/api/me" && a.Status == http.StatusOK {
		var me struct{ ID string }
		if json.Unmarshal([]byte(a.Body), &me) != nil || me.ID != f.User {
			h.Foreign = append(h.Foreign, f.User+" was told "+a.Body)
		}
	}
	if a.Status == http.StatusServiceUnavailable && (a.Header.Get("Retry-After") == "" || len(a.Header["Set-Cookie"]) > 0) {
		h.Unlawful = append(h.Unlawful, fmt.Sprint(kind, " with ", a.Header))
	}
	return kind
}

// All lets requests run at once: each of the fans asks so often who they are.
func (h *History) All(crowd []Fan, times int) { h.AllAsk(crowd, times, "/api/me") }

// AllAsk lets requests run at once: each of the fans asks so often for a path.
func (h *History) AllAsk(crowd []Fan, times int, path string) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for _, f := range crowd {
		for range times {
			group.Go(func() {
				<-begin
				h.Ask(f, http.MethodGet, path, "")
			})
		}
	}
	close(begin)
	group.Wait()
}

// Count returns how often the answers were of these kinds; without kinds, how many there were.
func (h *History) Count(kinds ...string) int {
	h.Mu.Lock()
	defer h.Mu.Unlock()
	total := 0
	for kind, n := range h.Answers {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			total += n
		}
	}
	return total
}

// Longest returns how long the slowest answer of a kind took.
func (h *History) Longest(kind string) time.Duration {
	h.Mu.Lock()
	defer h.Mu.Unlock()
	return h.Slowest[kind].Round(time.Millisecond)
}

func (h *History) String() string {
	h.Mu.Lock()
	defer h.Mu.Unlock()
	var parts []string
	for kind, n := range h.Answers {
		parts = append(parts, fmt.Sprintf("%d × %s", n, kind))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// How a History counts answers: by status, and the gateway's reason.
const (
	OK             = "200"
	LoginRequired  = "401 LOGIN_REQUIRED"
	Reauthorize    = "401 REAUTHORIZATION_REQUIRED"
	TokenEndpoint  = "503 TOKEN_ENDPOINT_UNAVAILABLE"
	StoreAway      = "503 STORE_UNAVAILABLE"
	ClientIsWrong  = "503 CLIENT_MISCONFIGURED"
	NeverPresented = "no refresh token succeeds twice, and none comes back once it is spent"
)

// Refreshes returns the refresh calls that the token endpoint has seen.
func (w *World) Refreshes() []simulator.Seen {
	return w.Spotify.Seen(simulator.Filter{Match: simulator.Match{Grant: "refresh_token"}})
}

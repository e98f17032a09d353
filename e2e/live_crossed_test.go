package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// crossedStream is a stream, and the user of the session that opened it.
type crossedStream struct {
	*stage.Stream
	user string
}

// TestLiveCrossed has many users with a stream or two each on three replicas, commands at random, and browsers that log out and in
// again as somebody else. No stream gets what another user's devices do, and Redis, its channels among it, holds nothing to read.
func TestLiveCrossed(t *testing.T) {
	stage.OnlyLong(t, "many users at once")
	users, rate := 20, 20
	if stage.Long() {
		users, rate = 200, 50
	}
	var issued issuedTokens
	w := stage.NewWorld(t, stage.Options{
		Replicas: 3, Users: users, Spotify: stage.Listener, Prepare: issued.record,
		Routes: stage.Pages{}.Route(t, stage.LiveRoute, stage.UserRoute),
	})
	heard := w.Redis.Monitor(t)
	crowd := w.Crowd(users)
	owners := map[string]string{} // of devices, by their ids
	var streams []crossedStream
	for i, f := range crowd {
		if err := w.Spotify.Remote(f.User, simulator.Remote{Device: "Kitchen laptop", Action: "play"}); err != nil {
			t.Fatal(err)
		}
		var own struct{ Devices []struct{ ID string } }
		f.Get("/api/me/player/devices").Decode(t, &own)
		for _, d := range own.Devices {
			owners[d.ID] = f.User
		}
		for range 1 + i%2 {
			streams = append(streams, crossedStream{f.Listen("/live/me/player"), f.User})
		}
	}
	if len(owners) != 3*users {
		t.Fatalf("%d users have %d devices", users, len(owners))
	}
	stop, commands := make(chan struct{}), sync.WaitGroup{}
	end := sync.OnceFunc(func() {
		close(stop)
		commands.Wait()
	})
	defer end()
	commands.Go(func() { w.Steadily(rate, stop, func(int) { commandAtRandom(t, crowd[rand.IntN(users)].Visitor) }) })
	for i := 0; i+1 < users; i += 4 { // the two browsers change their users
		a, b := crowd[i], crowd[i+1]
		for browser, user := range map[*stage.Visitor]string{a.Visitor: b.User, b.Visitor: a.User} {
			browser.Do(http.MethodPost, "/auth/logout", "").Expect(t, "logout", http.StatusNoContent, "")
			browser.Login(user)
			streams = append(streams, crossedStream{browser.Listen("/live/me/player"), user})
		}
	}
	// Chance has to meet every user with a command that changes something, which takes 20 s, or 40.
	sessiontest.Eventually(t, 3*time.Minute, "each stream has had two states, or has ended", func() bool {
		for _, s := range streams {
			if s.Count("state") < 2 && s.Count("ended") == 0 {
				return false
			}
		}
		return true
	})
	end()
	states, ended := 0, 0
	for _, s := range streams {
		for _, e := range s.All() {
			switch e.Name {
			case "state":
				states++
				var player struct{ Device struct{ ID string } }
				if err := json.Unmarshal([]byte(e.Data), &player); err != nil || owners[player.Device.ID] != s.user {
					t.Errorf("%s gets the state of %q: %.300s", s.user, owners[player.Device.ID], e.Data)
				}
			case "ended":
				ended++
			}
		}
	}
	told, kept := heard(), everythingKept(t, w)
	t.Logf("%d users, %d streams, %d states, %d ends; Redis was told %d KiB and keeps %d", users, len(streams), states, ended, len(told)>>10, len(kept)>>10)
	if want := (users + 3) / 4 * 3; ended != want {
		t.Errorf("%d streams ended with their session, want %d", ended, want)
	}
	tokens := issued.all()
	if len(tokens) < 2*users || !strings.Contains(told, "live ") || kept == "" {
		t.Fatalf("%d tokens were issued; Redis keeps %d bytes, and heard %.500s", len(tokens), len(kept), told)
	}
	readable := append(tokens, "is_playing", "progress_ms", "Kitchen laptop")
	for id := range owners {
		readable = append(readable, id)
	}
	for _, text := range readable {
		if strings.Contains(told, text) || strings.Contains(kept, text) {
			t.Errorf("%.40q is readable in Redis", text)
		}
	}
	for _, s := range streams {
		s.Leave()
	}
}

// commandAtRandom is a command for the player through any replica, by whoever the browser belongs to at the moment.
func commandAtRandom(t *testing.T, v *stage.Visitor) {
	command := [][2]string{
		{http.MethodPost, "/api/me/player/next"}, {http.MethodPost, "/api/me/player/previous"},
		{http.MethodPut, "/api/me/player/pause"}, {http.MethodPut, "/api/me/player/play"},
	}[rand.IntN(4)]
	if a, err := v.TryAt(rand.IntN(3), command[0], command[1]); err != nil || a.Status >= http.StatusInternalServerError {
		t.Errorf("%v: %s %v", command, a.Summary(), err)
	}
}

// everythingKept is what all keys in Redis hold, with their names.
func everythingKept(t *testing.T, w *stage.World) string {
	t.Helper()
	read := map[string][]string{
		"string": {"GET"}, "hash": {"HGETALL"}, "set": {"SMEMBERS"}, "zset": {"ZRANGE", "0", "-1"}, "list": {"LRANGE", "0", "-1"},
	}
	var all strings.Builder
	for _, key := range w.Keys("*") {
		kind := fmt.Sprint(w.RedisDo("TYPE", key))
		command := read[kind]
		switch {
		case kind == "none": // it has expired meanwhile
		case command == nil:
			t.Errorf("%s is a %s, which this test cannot read", key, kind)
		default:
			fmt.Fprintln(&all, key, w.RedisDo(append([]string{command[0], key}, command[1:]...)...))
		}
	}
	return all.String()
}

// issuedTokens are the tokens that gateways got. They are safe for concurrent use.
type issuedTokens struct {
	mu     sync.Mutex // guards tokens
	tokens []string
}

func (i *issuedTokens) all() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string{}, i.tokens...)
}

// record puts something before the token endpoint that reads its answers.
func (i *issuedTokens) record(w *stage.World) {
	origin, err := url.Parse(w.Accounts.URL)
	if err != nil {
		w.T.Fatal(err)
	}
	reader := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(origin) },
		ModifyResponse: func(response *http.Response) error {
			body, err := io.ReadAll(response.Body)
			response.Body = io.NopCloser(bytes.NewReader(body))
			var answer struct {
				Access  string `json:"access_token"`
				Refresh string `json:"refresh_token"`
			}
			if json.Unmarshal(body, &answer) == nil {
				i.mu.Lock()
				defer i.mu.Unlock()
				for _, token := range []string{answer.Access, answer.Refresh} {
					if token != "" {
						i.tokens = append(i.tokens, token)
					}
				}
			}
			return err
		},
	})
	w.T.Cleanup(reader.Close)
	w.TokenURL = reader.URL + "/api/token"
}

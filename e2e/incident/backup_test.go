package incident

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"stagedoor/e2e/stage"
	"stagedoor/secret"
	"stagedoor/session"
	"stagedoor/session/redisstore"
	"stagedoor/session/sessiontest"
)

// backedUp is 100000 for the figures of docs/operations.md.
var backedUp = flag.Int("backup-sessions", 200, "how many sessions TestBackup backs up and restores")

// TestBackup follows "Backup" of docs/operations.md: it copies Redis while the gateway serves, loses it, and puts the copy into a new one.
func TestBackup(t *testing.T) {
	stage.OnlyLong(t, "a copy of Redis, which waits 5 s before it begins")
	t.Parallel()
	w := stage.NewWorld(t, stage.Options{Users: 2})
	p := w.Replicas[0]
	crowd := w.Crowd(2)
	cookies := createSessions(t, w, *backedUp)
	blocks := shellBlocks(t, "\n## Backup\n")
	if len(blocks) != 2 {
		t.Fatalf("docs/operations.md has %d blocks of commands for backups, want one that copies and one that restores", len(blocks))
	}
	folder := t.TempDir()
	run := func(commands string, redis *sessiontest.RedisServer, more ...string) time.Duration {
		t.Helper()
		begun := time.Now()
		command := exec.CommandContext(t.Context(), "sh", "-e", "-c", commands)
		command.Dir = folder
		command.Env = append(os.Environ(), append(more, "REDIS_URL=redis://"+redis.Addr())...)
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, commands, output)
		}
		return time.Since(begun)
	}
	copied := run(blocks[0], w.Redis)
	size, err := os.Stat(filepath.Join(folder, "sessions.rdb"))
	if err != nil {
		t.Fatal(err)
	}
	memory := usedMemory(w)
	w.Redis.Kill()

	fresh := sessiontest.StartRedis(t, "--appendonly", "no")
	place, _ := mustReply(t, fresh, "CONFIG", "GET", "dir").([]any)
	fresh.Stop()
	if err := os.Rename(filepath.Join(folder, "sessions.rdb"), filepath.Join(fmt.Sprint(place[1]), "dump.rdb")); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	fresh.Start()
	loaded := time.Since(begun)
	appended := run(blocks[1], fresh)
	p.Edit(w.Redis.Addr(), fresh.Addr())
	p.Restart()
	sessiontest.Eventually(t, stage.StartTime, "the gateway is ready", p.Ready)
	opened := time.Since(begun)
	v := w.Visitor()
	for i := 0; i < len(cookies); i += max(1, len(cookies)/2000) {
		a := v.Get("/auth/session", "Cookie", cookies[i])
		if a.Status != http.StatusOK || !strings.Contains(a.Body, `"authenticated":true`) {
			t.Fatalf("session %d of the copy: %d %s", i, a.Status, a.Body)
		}
	}
	for _, f := range crowd {
		f.ExpectMe(f.User)
	}
	t.Logf("%d sessions, %.0f MB in Redis, %.0f MB in the copy: copied in %.1f s, loaded in %.1f s, append-only file written in %.1f s, "+
		"the gateway ready %.1f s after the new Redis was started", len(cookies), float64(memory)/1e6, float64(size.Size())/1e6,
		copied.Seconds(), loaded.Seconds(), appended.Seconds(), opened.Seconds())
}

// shellBlocks are the commands of a section of docs/operations.md, which begins with a heading.
func shellBlocks(t testing.TB, heading string) []string {
	t.Helper()
	_, section, found := strings.Cut(content(t, "../../docs/operations.md"), heading)
	if !found {
		t.Fatalf("docs/operations.md has no section %s", heading)
	}
	level := heading[:strings.Index(heading, " ")+1]
	section, _, _ = strings.Cut(section, level)
	var commands []string
	for _, match := range shellBlock.FindAllStringSubmatch(section, -1) {
		commands = append(commands, match[1])
	}
	return commands
}

func mustReply(t testing.TB, redis *sessiontest.RedisServer, command ...string) any {
	t.Helper()
	reply, err := redis.Do(command...)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func usedMemory(w *stage.World) int {
	_, rest, _ := strings.Cut(fmt.Sprint(w.RedisDo("INFO", "memory")), "used_memory:")
	var used int
	_, _ = fmt.Sscan(rest, &used) // a figure for the log
	return used
}

// createSessions has so many users log in, each once, as the gateway would, and returns their cookies.
func createSessions(t *testing.T, w *stage.World, count int) []string {
	t.Helper()
	store, err := redisstore.New(w.Redis.Config(), zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	config := session.DefaultConfig()
	config.Keys = []secret.Text{w.Key}
	manager, err := session.NewManager(session.Options{
		Config: config, Store: store, Leases: store, Lists: store, Bulk: store, Watch: store.Watch, Log: zap.NewNop(), Client: stage.ClientID,
		Refresh: func(context.Context, secret.Text) (session.Grant, error) {
			return session.Grant{}, errors.New("there is no need")
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		manager.Close()
		_ = store.Close() // all is written
	}()
	cookies := make([]string, count)
	var (
		creating sync.WaitGroup
		next     atomic.Int64
	)
	for range 16 {
		creating.Go(func() {
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				answer := httptest.NewRecorder()
				if _, err := manager.Create(answer, httptest.NewRequest(http.MethodGet, "/", nil), login(i)); err != nil {
					t.Error(err)
					return
				}
				cookies[i] = answer.Result().Cookies()[0].String()
			}
		})
	}
	if creating.Wait(); t.Failed() {
		t.FailNow()
	}
	return cookies
}

// login is one with tokens as long as Spotify's, of which no two are alike.
func login(i int) session.Login {
	user := fmt.Sprintf("user%06d", i)
	token := func(length int) secret.Text { return secret.New(randomText(length)) }
	return session.Login{
		User: session.User{ID: user, DisplayName: user}, AuthorizedAt: time.Now(),
		Grant: session.Grant{Token: session.Token{Access: token(250), Expiry: time.Now().Add(time.Hour)}, Refresh: token(130)},
	}
}

// randomText is text that cannot be compressed, as a token's.
func randomText(length int) string {
	var text strings.Builder
	for text.Len() < length {
		text.WriteString(rand.Text())
	}
	return text.String()[:length]
}

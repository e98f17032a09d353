package e2e

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
	"stagedoor/simulator"
)

// TestWrongUsage checks that every mistake is one sentence on standard error and exit code 2.
func TestWrongUsage(t *testing.T) {
	typo := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, typo, "spotfy: {}\nserver: {listn: 1}\n")
	for name, c := range map[string]struct {
		env  []string
		args []string
		want string
	}{
		"unknown command":     {nil, []string{"sevre"}, `no command "sevre"`},
		"unknown flag":        {nil, []string{"serve", "-confg", "x"}, "confg"},
		"stray argument":      {nil, []string{"key", "please"}, "please"},
		"no configuration":    {nil, []string{"serve"}, "config"},
		"missing file":        {nil, []string{"check", "-config", "/nowhere/config.yaml"}, "/nowhere/config.yaml"},
		"problem in the file": {nil, []string{"serve", "-config", typo}, typo + ":1:1: "},
		"simulator in production": {
			[]string{"STAGEDOOR_ENV=production"}, []string{"simulator", "-listen", "127.0.0.1:0"}, "production",
		},
		"demo in production": {[]string{"STAGEDOOR_ENV=production"}, []string{"demo"}, "production"},
		"demo for the world": {nil, []string{"demo", "-listen", "0.0.0.0:8080"}, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := stage.Stagedoor(t, c.env, c.args...)
			if code != 2 || !strings.Contains(stderr, c.want) || stdout != "" {
				t.Errorf("code %d, stdout %q, stderr %q; want code 2 and %q on stderr", code, stdout, stderr, c.want)
			}
			if strings.Contains(stderr, "goroutine ") {
				t.Errorf("a stack trace:\n%s", stderr)
			}
		})
	}
}

// TestCheck checks that all problems come at once, that a good file is explained, and that -online asks Redis and Spotify.
func TestCheck(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{})
	config := w.Replicas[0].Config
	code, stdout, stderr := stage.Stagedoor(t, nil, "check", "-config", config, "-online")
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	for _, want := range []string{w.Balancer.URL + "/auth/callback", "/api/", "Redis answers", "Spotify accepts"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	wrong := filepath.Join(t.TempDir(), "config.yaml")
	stage.WriteFile(t, wrong, strings.Replace(string(text), stage.ClientSecret, "wrong", 1))
	if code, _, stderr := stage.Stagedoor(t, nil, "check", "-config", wrong, "-online"); code != 1 || !strings.Contains(stderr, "client_secret") {
		t.Errorf("a wrong secret: code %d, %s", code, stderr)
	}
	stage.WriteFile(t, wrong, strings.NewReplacer(w.Balancer.URL, "http://localhost:8080", "user}", "usr}").Replace(string(text)))
	if code, _, stderr := stage.Stagedoor(t, nil, "check", "-config", wrong); code != 2 || strings.Count(stderr, wrong+":") != 2 {
		t.Errorf("two problems: code %d, %s", code, stderr)
	}
}

func TestKeyAndVersion(t *testing.T) {
	_, first, _ := stage.Stagedoor(t, nil, "key")
	_, second, _ := stage.Stagedoor(t, nil, "key")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(first))
	if err != nil || len(raw) != 32 || first == second {
		t.Errorf("two keys: %q and %q", first, second)
	}
	if code, stdout, _ := stage.Stagedoor(t, nil, "--version"); code != 0 || !strings.HasPrefix(stdout, "stagedoor ") {
		t.Errorf("--version: code %d, %q", code, stdout)
	}
	if code, stdout, _ := stage.Stagedoor(t, nil, "version"); code != 0 || !strings.HasPrefix(stdout, "stagedoor ") || !strings.Contains(stdout, "go1.") {
		t.Errorf("version: code %d, %q", code, stdout)
	}
}

// TestReadiness follows /readyz and the health check through an outage of Redis.
func TestReadiness(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{KnownAdmin: true})
	p := w.Replicas[0]
	expect := func(healthy bool) {
		t.Helper()
		status, body := p.Ask("/readyz")
		code, _, _ := stage.Stagedoor(t, nil, "healthcheck", "-config", p.Config)
		if healthy != (status == http.StatusOK) || healthy != (code == 0) {
			t.Errorf("/readyz answers %d %q and healthcheck exits with %d; healthy should be %t", status, body, code, healthy)
		}
		if !healthy && !strings.Contains(body, "the session store is not ready: ") {
			t.Errorf("/readyz does not say what is wrong: %q", body)
		}
		if status, _ := p.Ask("/livez"); status != http.StatusOK {
			t.Errorf("/livez answers %d", status)
		}
	}
	expect(true)
	edit(p, "log: {level:", "lgo: {levle:") // a mistake that the gateway has not read
	expect(true)
	w.Redis.Stop()
	expect(false)
	w.Redis.Start()
	expect(true)
	if a := w.Visitor().Get("/readyz"); strings.Contains(a.Body, "ready") {
		t.Errorf("the public listener knows /readyz: %d %s", a.Status, a.Body)
	}
}

// TestSignals checks that SIGTERM waits for the request in flight, that SIGHUP does no harm, and the exit code.
func TestSignals(t *testing.T) {
	w := stage.NewWorld(t, stage.Options{Server: "shutdown_delay: 300ms"})
	v := w.Visitor()
	v.Login("ada")
	p := w.Replicas[0]
	p.Signal(syscall.SIGHUP)
	slow := simulator.Fault{Name: "slow", Match: simulator.Match{Path: "/v1/me"}, Delay: time.Second, Times: 1}
	if _, err := w.Spotify.AddFault(slow); err != nil {
		t.Fatal(err)
	}
	w.Spotify.ForgetSeen()
	answers := make(chan stage.Answer, 1)
	go func() {
		a, _ := v.Try(http.MethodGet, "/api/me", "") // a failed one has status 0
		answers <- a
	}()
	if _, err := w.Spotify.AwaitSeen(t.Context(), simulator.Filter{}, 1); err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	sessiontest.Eventually(t, stage.StartTime, "/readyz says no", func() bool {
		status, _ := p.Ask("/readyz")
		return status == http.StatusServiceUnavailable
	})
	if a := <-answers; a.Status != http.StatusOK {
		t.Errorf("the request in flight got %d %s", a.Status, a.Body)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("SIGTERM ended the gateway with %v", err)
	}
}

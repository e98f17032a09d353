package stage

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"stagedoor/simulator"
)

// Operate runs an operator's command beside the gateways and wants it to work. Beside its answer it leaves the audit lines
// of what it ended, and nothing else.
func (w *World) Operate(t *testing.T, args ...string) string {
	t.Helper()
	code, stdout, stderr := Stagedoor(t, nil, append(args, "-config", w.Replicas[0].Config)...)
	for line := range strings.Lines(stderr) {
		if !strings.Contains(line, `"msg":"audit","event":"revoke","result":"ok"`) {
			code = -1
		}
	}
	if code != 0 {
		t.Fatalf("stagedoor %v: code %d, %s", args, code, stderr)
	}
	return stdout
}

// Stagedoor runs a command to its end.
func Stagedoor(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), Binary, args...)
	command.Dir = t.TempDir()
	command.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	var out, errs bytes.Buffer
	command.Stdout, command.Stderr = &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// An account for tests, its route, and the one path that the route allows.
const (
	// Radio is an account that anybody may read from.
	Radio      = "radio: {}"
	RadioRoute = "{path: /radio/, upstream: spotify, credentials: account:radio, methods: [GET], " +
		"allow: [me/player/currently-playing]}"
	NowPlaying = "/radio/me/player/currently-playing"
)

// Link matches a one-time link for an account.
var Link = regexp.MustCompile(`http://\S+/auth/connect\?ticket=\S+`)

// ConnectLink lets the operator make a one-time link for an account.
func (w *World) ConnectLink(t *testing.T, account string) string {
	t.Helper()
	const scopes = "user-read-currently-playing user-read-playback-state user-modify-playback-state"
	printed := w.Operate(t, "accounts", "connect", account, "-scope", scopes)
	found := Link.FindString(printed)
	if !strings.HasPrefix(found, w.Balancer.URL+"/auth/connect?ticket=") || !strings.Contains(printed, "10 minutes") {
		t.Fatalf("accounts connect prints\n%s", printed)
	}
	return found
}

// Connect opens a link, presses the button of its page and goes on to the end, as a person does.
func (v *Visitor) Connect(link string) Answer {
	v.T.Helper()
	page := v.Open(link)
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "Connect a Spotify account") {
		return page
	}
	return v.Do(http.MethodPost, strings.TrimPrefix(link, v.W.Balancer.URL), "")
}

// Open follows a link to its page.
func (v *Visitor) Open(link string) Answer {
	v.T.Helper()
	return v.Get(strings.TrimPrefix(link, v.W.Balancer.URL))
}

// ConnectAccount makes a user of the simulator's the owner of an account.
func (w *World) ConnectAccount(t *testing.T, account, owner string) {
	t.Helper()
	if err := w.Spotify.SetConsent(simulator.Consent{User: owner}); err != nil {
		t.Fatal(err)
	}
	w.Visitor().Connect(w.ConnectLink(t, account)).Expect(t, "the link", http.StatusOK, "", "The account is connected", owner)
}

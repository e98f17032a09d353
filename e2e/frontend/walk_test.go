package frontend

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// buildTime bounds how long a command may build before something answers: the image of the gateway is compiled from nothing.
const buildTime = 20 * time.Minute

// walk follows docs/frontend.md from nothing to a login, by the page alone: a block of sh is typed as it stands, a block of ts goes to
// the file that its first line names, and an address behind "open" is opened. The ports are those of the page, so only one walk can
// be under way on a machine.
type walk struct {
	folder string   // where the commands begin, with the repository in the folder stagedoor
	times  []string // rows of a table
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	workspace(t)
	for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:5173", "127.0.0.1:9000"} {
		listener, err := net.Listen("tcp", address)
		sessiontest.Require(t, "the free address "+address, "docs/frontend.md has it, and another program listens there.", err == nil)
		_ = listener.Close() // it has served its purpose
	}
	w := &walk{folder: t.TempDir()}
	clone(t, filepath.Join(w.folder, "stagedoor"))
	return w
}

// clone copies the files of the repository that git knows, or would.
func clone(t *testing.T, to string) {
	t.Helper()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = filepath.Join("..", "..")
	names, err := list.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(list.Dir, name))
		if os.IsNotExist(err) { // deleted, and not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		writeReadable(t, filepath.Join(to, name), content)
	}
}

// writeReadable writes a file that containers, which have other users, can read.
func writeReadable(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWalk takes the steps that need no engine for containers.
func TestWalk(t *testing.T) {
	w := newWalk(t)
	const app = "#app"
	w.step(t, "1. The demo", "#login", "#profile-name", "Ada Marlow")
	w.step(t, "2. An app of your own", app+" button", app+":not(:has(button))", "The playlists of Ada Marlow")
	w.step(t, "3. The same, checked and built", app+" button", app+":not(:has(button))", "The playlists of Ada Marlow")
	w.step(t, "4. With Spotify's SDK", app+" button", app+":not(:has(button))", "Ada Marlow hears ")
	t.Log(w.table())
}

// TestWalkCompose takes the step that needs an engine. .ci/compose has one, and says so.
func TestWalkCompose(t *testing.T) {
	if os.Getenv("STAGEDOOR_TEST_COMPOSE") != "true" {
		t.Skip("bash .ci/compose runs it, in an engine of its own.")
	}
	w := newWalk(t)
	w.step(t, "5. As it will be in production", `body[data-state="anonymous"] #login`, `body[data-state="authenticated"] #profile-name`, "Ada Marlow")
	t.Log(w.table())
}

// TestWalkIsOfTheReadme checks that the commands of README.md are those that the walk types.
func TestWalkIsOfTheReadme(t *testing.T) {
	t.Parallel()
	typed := map[string]bool{}
	for _, b := range stage.Blocks(t, "docs/frontend.md") {
		for line := range strings.Lines(b.Text) {
			command, _, _ := strings.Cut(line, "  #")
			typed[strings.TrimSpace(command)] = true
		}
	}
	readme := stage.Page(t, "README.md")
	for _, command := range []string{
		"go run . demo", "npx vite --host 127.0.0.1", "go run . demo -frontend http://127.0.0.1:5173",
		"docker compose --env-file demo.env --profile demo up --build",
	} {
		if !regexp.MustCompile("(?m)(^|`)"+regexp.QuoteMeta(command)+"(`|$|  +#)").MatchString(readme) || !typed[command] {
			t.Errorf("README.md and docs/frontend.md do not both have the command %q", command)
		}
	}
}

// step takes a step of the page, which ends with a login: a click on a button, the consent page, and a part of the page behind it
// that holds a text.
func (w *walk) step(t *testing.T, heading, button, back, text string) {
	t.Run(heading, func(t *testing.T) {
		began, npm := time.Now(), time.Duration(0)
		var open string
		for _, b := range stage.Blocks(t, "docs/frontend.md") {
			if b.Heading != heading {
				continue
			}
			blockBegan := time.Now()
			if address := w.do(t, b); address != "" {
				open = address
			}
			if strings.Contains(b.Text, "npm install") {
				npm += time.Since(blockBegan)
			}
		}
		if open == "" {
			t.Fatalf("docs/frontend.md opens nothing in the section %q", heading)
		}
		tab := stage.Chromium(t)
		stage.Act(t, tab, "open "+open, chromedp.Navigate(open), chromedp.Click(chromedp.CSS(button)))
		agree(t, tab, back)
		contains(t, tab, back, text)
		w.times = append(w.times, fmt.Sprintf("| %s | %.0f s | %.0f s |", heading, (time.Since(began)-npm).Seconds(), npm.Seconds()))
	})
}

// contains waits until a part of the page has a text.
func contains(t *testing.T, tab context.Context, selector, text string) {
	t.Helper()
	stage.Await(t, tab, fmt.Sprintf("%s says %q", selector, text), fmt.Sprintf("document.querySelector(%q)?.textContent.includes(%q)", selector, text))
}

// do does what a block says. It returns the address to open, if there is one. A command with an address behind it goes on until the
// step has ended, and do waits until the address answers.
func (w *walk) do(t *testing.T, b stage.Block) (open string) {
	t.Helper()
	switch b.Language {
	case "ts":
		name, _, found := strings.Cut(strings.TrimPrefix(b.Text, "// "), "\n")
		if !found || !strings.HasSuffix(name, ".ts") {
			t.Fatalf("the block names no file:\n%s", b.Text)
		}
		writeReadable(t, filepath.Join(w.folder, name), []byte(b.Text))
		return ""
	case "sh":
		commands := withCompose(b.Text)
		stays := regexp.MustCompile(`  # (open|it is at) (http://[\d.:]+)`).FindStringSubmatch(commands)
		if stays == nil {
			run(t, w.folder, "sh", "-ec", commands)
			return ""
		}
		s := start(t, w.folder, nil, "sh", "-ec", commands)
		s.answers(t, stays[2])
		if stays[1] == "open" {
			return stays[2]
		}
		return ""
	}
	t.Fatalf("nothing is known to do with a block of %s", b.Language)
	return ""
}

// withCompose writes docker-compose for docker compose where only the older one is installed, as README.md says.
func withCompose(commands string) string {
	if exec.Command("docker", "compose", "version").Run() == nil {
		return commands
	}
	return strings.ReplaceAll(commands, "docker compose ", "docker-compose ")
}

// answers waits until somebody listens at the address of a server that has been started.
func (s *server) answers(t *testing.T, address string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the server printed:\n%s", s.output.String())
		}
	}()
	client := &http.Client{Timeout: time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	sessiontest.Eventually(t, buildTime, "something answers at "+address, func() bool {
		response, err := client.Get(address)
		if err != nil {
			return false
		}
		_ = response.Body.Close() // that it answered is enough
		return response.StatusCode == http.StatusOK
	})
}

// table is what the walk took, as docs/frontend.md has it.
func (w *walk) table() string {
	return "\n| step | seconds | npm besides |\n|---|---|---|\n" + strings.Join(w.times, "\n")
}

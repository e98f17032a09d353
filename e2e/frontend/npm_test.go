package frontend

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stagedoor/e2e/stage"
	"stagedoor/session/sessiontest"
)

// installTime bounds one command of npm, which may download.
const installTime = 5 * time.Minute

// workspace copies folders of the repository, without what npm installs and frontends build, to where a test may write. They
// keep their places, so that one may name the other.
func workspace(t *testing.T, folders ...string) string {
	t.Helper()
	stage.OnlyLong(t, "npm downloads packages")
	const how = "Install Node.js 20.19 or later with npm, such as the packages nodejs and npm of Debian 13."
	const recent = `const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || major == 20 && minor >= 19 ? 0 : 1)`
	sessiontest.Require(t, "node", how, exec.Command("node", "-e", recent).Run() == nil)
	_, err := exec.LookPath("npm")
	sessiontest.Require(t, "npm", how, err == nil)
	root := t.TempDir()
	for _, folder := range folders {
		source := filepath.Join("..", "..", filepath.FromSlash(folder))
		err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			switch name := entry.Name(); {
			case entry.IsDir() && (name == "node_modules" || name == "dist" || name == "build" || name == ".svelte-kit"):
				return filepath.SkipDir
			case entry.IsDir():
				return nil
			}
			below, err := filepath.Rel(source, path)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			target := filepath.Join(root, filepath.FromSlash(folder), below)
			if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
				return err
			}
			return os.WriteFile(target, content, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// run runs a command in a folder to its end and returns its output; it fails the test with it.
func run(t *testing.T, folder string, command ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), installTime)
	defer cancel()
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Dir = folder
	c.Env = append(os.Environ(), "npm_config_prefer_offline=true", "npm_config_update_notifier=false", "npm_config_ignore_scripts=true",
		"npm_config_yes=true")
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command, " "), err, output)
	}
	return string(output)
}

// server is a frontend's own server.
type server struct {
	output *lockedBuffer
}

// start runs a frontend's server until the test ends.
func start(t *testing.T, folder string, env []string, command ...string) *server {
	t.Helper()
	s := &server{output: &lockedBuffer{}}
	c := exec.Command(command[0], command[1:]...)
	c.Dir, c.Env = folder, append(append(os.Environ(), "NO_COLOR=1"), env...) // where CI is set there would be colours, also in the middle of an address
	c.Stdout, c.Stderr = s.output, s.output
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // npm starts it through a shell
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it may have ended
		_ = c.Wait()                                      // killed
	})
	return s
}

// says waits until the server has printed a text.
func (s *server) says(t *testing.T, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the server printed:\n%s", s.output.String())
		}
	}()
	sessiontest.Eventually(t, 3*stage.StartTime, fmt.Sprintf("the server has printed %q", text), func() bool {
		return strings.Contains(s.output.String(), text)
	})
}

// lockedBuffer is a bytes.Buffer that a process writes while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

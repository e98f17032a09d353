package stage

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Previous builds the program as it was before this commit and returns its path: at the newest tag behind it, or else at its first parent.
// STAGEDOOR_TEST_PREVIOUS names another revision. The test is skipped in a copy of the source that has no history.
func Previous(t testing.TB) string {
	t.Helper()
	revision := os.Getenv("STAGEDOOR_TEST_PREVIOUS")
	if revision == "" {
		revision = "HEAD~1"
		if tag, err := git("describe", "--tags", "--abbrev=0", revision); err == nil {
			revision = strings.TrimSpace(string(tag))
		}
		if _, err := git("rev-parse", "--verify", "--quiet", revision+"^{commit}"); err != nil {
			t.Skipf("there is no earlier commit here to build: %v", err)
		}
	}
	source, err := git("archive", "--format=tar", revision)
	if err != nil {
		t.Fatalf("the source of %s: %v", revision, err)
	}
	folder := t.TempDir()
	if err := unpack(source, folder); err != nil {
		t.Fatalf("the source of %s: %v", revision, err)
	}
	program := filepath.Join(folder, "stagedoor-before")
	build := exec.Command("go", append(append([]string{"build", "-o", program}, BuildFlags...), ".")...)
	build.Dir = folder
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s does not build: %v\n%s", revision, err, output)
	}
	t.Logf("the previous program is that of %s", revision)
	return program
}

// git runs a command of git in the root of the source.
func git(args ...string) ([]byte, error) {
	command := exec.Command("git", append([]string{"-C", ".."}, args...)...)
	output, err := command.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		err = errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	return output, err
}

// unpack writes the files of a tar archive below a folder.
func unpack(archive []byte, folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // every file in it is closed by itself
	for entries := tar.NewReader(bytes.NewReader(archive)); ; {
		entry, err := entries.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case entry.Typeflag == tar.TypeDir:
			err = root.MkdirAll(filepath.Clean(entry.Name), 0o700)
		case entry.Typeflag == tar.TypeReg:
			var content []byte
			if content, err = io.ReadAll(entries); err == nil {
				err = root.WriteFile(filepath.Clean(entry.Name), content, 0o600)
			}
		}
		if err != nil {
			return err
		}
	}
}
